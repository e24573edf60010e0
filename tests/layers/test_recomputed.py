"""Recomputed stacks: the same bits, and really less kept for the backward pass."""

import pytest
import torch

from tamis.layers import (
    MLP,
    CrossNetwork,
    FactorizedBlock,
    GatedCrossNetwork,
    RecomputedStack,
)
from tamis.models.ssr import SSRBlocks
from tamis.models.ssr_d import SSRDConfig, dynamic_blocks
from tamis.models.ssr_s import SSRSConfig, static_blocks

DEEP = {"views": (3,) * 9, "widths": (8,) * 9, "dropout": 0.1}
STATIC = SSRSConfig(dim=4, **DEEP)
STACKS = {
    "mlp": lambda: MLP(d_in=24, hidden=(24,) * 9, dropout=0.1),
    "mlp with batch normalisation": lambda: MLP(d_in=24, hidden=(24,) * 9, dropout=0.1, has_norm=True),
    "factorized interactions": lambda: FactorizedBlock(d_in=24, hidden=(24,) * 9, dropout=0.1),
    "crosses": lambda: CrossNetwork(width=24, crosses=9),
    "gated crosses": lambda: GatedCrossNetwork(width=24, crosses=9),
    "low-rank crosses": lambda: CrossNetwork(width=24, crosses=9, rank=6),
    "ssr_d": lambda: SSRBlocks(dynamic_blocks(SSRDConfig(**DEEP), d_in=24), last="mean"),
    "ssr_s": lambda: SSRBlocks(static_blocks(STATIC, d_in=24), last="concat"),
}


def step(stack, *, is_recomputed, autocast=False):
    """Output and gradients of one step, and the bytes that wait for its backward pass."""
    stack.is_recomputed = is_recomputed
    stack.zero_grad()
    torch.manual_seed(3)
    x = torch.randn(64, 24, requires_grad=True)
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in stack.parameters()}
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        output = stack(x)
    # Weights are there anyway; their bfloat16 copies in autocast are counted.
    kept_bytes = sum(size for place, size in kept.items() if place not in weights)
    output.float().square().sum().backward()
    return [output, x.grad, *(parameter.grad for parameter in stack.parameters())], kept_bytes


@pytest.mark.parametrize("name", STACKS)
def test_the_same_bits_with_dropout_and_less_is_kept(name):
    stack = STACKS[name]()
    plain, plain_bytes = step(stack, is_recomputed=False)
    again, again_bytes = step(stack, is_recomputed=True)
    assert all(torch.equal(mine, other) for mine, other in zip(again, plain, strict=True))
    assert any(tensor.abs().max() > 0 for tensor in plain[2:])
    assert again_bytes < 0.6 * plain_bytes


def test_running_statistics_take_in_a_batch_once():
    torch.manual_seed(0)
    plain, again = (MLP(d_in=4, hidden=(5, 5), has_norm=True) for _ in range(2))
    again.load_state_dict(plain.state_dict())
    again.is_recomputed = True
    x = torch.randn(30, 4)
    for stack in (plain, again):
        stack(x).sum().backward()
    for mine, other in zip(again.buffers(), plain.buffers(), strict=True):
        assert torch.equal(mine, other)
    assert plain.norms[0].num_batches_tracked == 1


@pytest.mark.parametrize("name", STACKS)
def test_in_mixed_precision_nothing_changes_either(name):
    stack = STACKS[name]()
    plain, _ = step(stack, is_recomputed=False, autocast=True)
    again, _ = step(stack, is_recomputed=True, autocast=True)
    for mine, other in zip(again, plain, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", STACKS)
def test_scoring_keeps_to_the_plain_way(name, monkeypatch):
    stack = STACKS[name]().eval()
    monkeypatch.setattr("tamis.layers.recomputed.checkpoint", None)  # calling it would fail
    stack.is_recomputed = True
    x = torch.randn(5, 24)
    stack(x)
    with torch.no_grad():
        stack.train()(x)


class Nested(RecomputedStack):
    """A stack whose only part is a stack."""

    def __init__(self):
        super().__init__()
        self.inner = MLP(d_in=4, hidden=(4,))
        self.inner.is_recomputed = self.is_recomputed = True
        self.products = 0
        self.inner.linears[0].register_forward_hook(lambda *_: setattr(self, "products", self.products + 1))

    def forward(self, x):
        return self.run_part(self.inner, x)


def test_a_stack_inside_of_a_part_is_computed_twice_and_not_three_times():
    stack = Nested()
    stack(torch.randn(3, 4, requires_grad=True)).sum().backward()
    assert stack.products == 2
    stack.inner(torch.randn(3, 4, requires_grad=True)).sum().backward()
    assert stack.products == 4, "by itself it is recomputed as ever"


@pytest.mark.parametrize("count", range(1, 20))
def test_the_parts_are_all_blocks_in_order(count):
    stack = RecomputedStack()
    for is_recomputed in (False, True):
        stack.is_recomputed = is_recomputed
        assert [number for part in stack.parts_of(count) for number in part] == list(range(count))
    assert len(stack.parts_of(count)) in (int(count**0.5), int(count**0.5) + 1)


def test_without_blocks_there_are_no_parts():
    assert RecomputedStack().parts_of(0) == []
    assert torch.equal(MLP(d_in=3, hidden=())(torch.ones(1, 3)), torch.ones(1, 3))
