import pytest
import torch
from torch.nn import functional as F

from tamis.layers import FactorizationMachineBlock, WukongLayer, WukongStack


def network_by_hand(x, network):
    for linear in network.hidden.linears:
        x = torch.relu(x @ linear.weight.T + linear.bias)
    return x @ network.linear.weight.T + network.linear.bias


def block_by_loops(x, block, rank, is_attentive):
    """Each inner product of two vectors by itself, then ``Y``, then the network."""
    rows, n, dim = x.shape
    outputs = []
    for row in range(rows):
        products = torch.zeros(n, n, dtype=x.dtype)
        for i in range(n):
            for j in range(n):
                products[i, j] = sum(x[row, i, d] * x[row, j, d] for d in range(dim))
        if is_attentive:
            summary = torch.stack([sum(block.compress.weight[k, i] * x[row, i] for i in range(n)) for k in range(rank)])
            products = products @ network_by_hand(summary.flatten(), block.attend).view(n, rank)
        elif rank is not None:
            products = products @ block.projection.weight.T
        flat = products.flatten()
        flat = F.layer_norm(flat, flat.shape, block.norm.weight, block.norm.bias, block.norm.eps)
        outputs.append(network_by_hand(flat, block.network).view(-1, dim))
    return torch.stack(outputs)


@pytest.mark.parametrize(("rank", "is_attentive"), [(None, False), (2, False), (2, True)])
@torch.no_grad()
def test_a_block_equals_its_formula(rank, is_attentive):
    torch.manual_seed(0)
    block = FactorizationMachineBlock(
        vectors_in=4, vectors=3, dim=2, rank=rank, hidden=(5,), is_attentive=is_attentive
    ).double()
    for parameter in block.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    x = torch.randn(6, 4, 2, dtype=torch.float64)
    torch.testing.assert_close(block(x), block_by_loops(x, block, rank, is_attentive))


@pytest.mark.parametrize("compressed", [1, 2])
@torch.no_grad()
def test_a_layer_adds_and_normalises(compressed):
    torch.manual_seed(0)
    layer = WukongLayer(vectors_in=5, interacted=3, compressed=compressed, dim=4, rank=2, hidden=(6,))
    assert (layer.residual is None) == (compressed == 2)
    x = torch.randn(7, 5, 4)
    kept = x if compressed == 2 else layer.residual.weight @ x
    summed = torch.cat([layer.interact(x), layer.compress.weight @ x], dim=1) + kept
    mean, variance = summed.mean(dim=2, keepdim=True), summed.var(dim=2, unbiased=False, keepdim=True)
    torch.testing.assert_close(layer(x), (summed - mean) / (variance + layer.norm.eps).sqrt())


@torch.no_grad()
def test_a_stack_is_its_layers_in_order():
    torch.manual_seed(0)
    sizes = {"interacted": 2, "compressed": 2, "dim": 3, "rank": 2, "hidden": (4,)}
    layers = [WukongLayer(vectors_in=vectors, **sizes) for vectors in (5, 4)]
    x = torch.randn(6, 5, 3)
    assert torch.equal(WukongStack(layers)(x), layers[1](layers[0](x)))


def test_numbers_out_of_range_are_refused():
    sizes = {"vectors_in": 4, "vectors": 3, "dim": 2, "hidden": ()}
    with pytest.raises(ValueError, match="dim and rank must be at least 1; got 4, 3, 2 and 0"):
        FactorizationMachineBlock(**sizes, rank=0)
    with pytest.raises(ValueError, match="is_attentive needs a rank; got None"):
        FactorizationMachineBlock(**sizes, rank=None, is_attentive=True)
