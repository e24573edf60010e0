"""Every kernel against the same arithmetic in torch, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tamis.kernels import Drops, Kernels, kernels_for, kernels_state
from tamis.layers import CrossNetwork, StaticFilter, ViewFusion, competitive_sparse, mean_of_views
from tamis.layers.dropout import drop_factors

pytestmark = pytest.mark.skipif(kernels_state() != "compiled", reason=kernels_state())

TOLERANCE = {torch.float32: {"rtol": 2e-5, "atol": 2e-6}, torch.bfloat16: {"rtol": 1.6e-2, "atol": 1e-2}}


def library(dtype: torch.dtype) -> Kernels:
    kernels = kernels_for(torch.empty(0, dtype=dtype))
    assert kernels is not None
    return kernels


def random(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape))).to(dtype)


def by_autograd(function, *inputs: Tensor, grad: Tensor) -> list[Tensor]:
    """Value and gradients in float64."""
    leaves = [tensor.detach().double().requires_grad_() for tensor in inputs]
    output = function(*leaves)
    return [output.detach(), *torch.autograd.grad(output, leaves, grad.double())]


def plain_competition(z: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
    values: Tensor | float = 1.0
    if z.dim() == 4:
        z, values = z.unbind(1)
    left = torch.relu(z)
    for rate in alpha.unbind(1):
        left = torch.relu(left - rate[:, None] * left.mean(2, keepdim=True))
    return gamma * left * values


def assert_all_close(ours, theirs, dtype: torch.dtype) -> None:
    for mine, exact in zip(ours, theirs, strict=True):
        # Sums over rows are compared by their own size: a bfloat16 term is wrong by 2^-9 of itself, not of the sum.
        scale = exact.abs().max().clamp_min(1.0)
        torch.testing.assert_close(mine.double() / scale, exact / scale, **TOLERANCE[dtype])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 70),
    views=st.integers(1, 4),
    width=st.integers(1, 70),
    gated=st.booleans(),
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_competition(dtype, seed, rows, views, width, gated):
    z = random(rows, *([2] if gated else []), views, width, dtype=dtype, seed=seed)
    alpha = 0.3 * random(views, 4, dtype=torch.float32, seed=seed)
    gamma, grad = (
        random(views, width, dtype=torch.float32, seed=seed),
        random(rows, views, width, dtype=dtype, seed=seed),
    )
    kernels = library(dtype)
    output, steps = kernels.competitive_forward(z, alpha, gamma)
    ours = [output, *kernels.competitive_backward(z, alpha, gamma, steps, grad)]
    assert_all_close(ours, by_autograd(plain_competition, z, alpha, gamma, grad=grad), dtype)


@pytest.mark.parametrize("seed", range(20))
def test_who_lost_the_competition_is_exactly_zero(seed):
    z = random(200, 3, 33, dtype=torch.float32, seed=seed)
    alpha = torch.rand(3, 6, generator=torch.Generator().manual_seed(seed))
    output, _ = library(torch.float32).competitive_forward(z, alpha, torch.ones(3, 33))
    assert (output >= 0).all() and (output == 0).float().mean() > 0.5
    assert not (output[output != 0] < 1e-9).any()  # nothing is left over from rounding


def random_words(seed: int, count: int) -> list[int]:
    """SplitMix64 in whole numbers, as it is published."""
    words, mask = [], 2**64 - 1
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        word = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
        words.append(word ^ (word >> 31))
    return words


def expected_factors(shape: tuple[int, ...], drops: Drops) -> Tensor:
    """What dropout multiplies each number with: a word of 64 bits decides about four numbers."""
    size = math.prod(shape)
    words = random_words(drops.seed, -(-size // 4))
    parts = torch.tensor([(word >> 16 * place) % 2**16 for word in words for place in range(4)])
    threshold = round(drops.share * 2**16)
    return (parts[:size].view(shape) >= threshold).double() * (2**16 / (2**16 - threshold))


def test_the_random_words_are_those_that_are_published():
    assert random_words(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.fixture(params=[1, 3])
def any_threads(request):
    threads = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("any_threads")
@pytest.mark.parametrize("shape", [(1,), (7, 3), (3, 2048), (5, 17, 37)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_what_its_words_say(dtype, shape):
    x, drops = random(*shape, dtype=dtype), Drops(0.3, seed=1234567)
    expected = expected_factors(shape, drops)
    assert_all_close([library(dtype).dropout(x, drops)], [x.double() * expected], dtype)
    torch.testing.assert_close(drop_factors(drops, x), expected.to(dtype))  # the same in torch


def test_dropout_keeps_the_mean_and_draws_each_time_anew():
    ones, kernels = torch.ones(1000, 1000), library(torch.float32)
    for share in (0.001, 0.2, 0.5, 0.999):
        one, other = (kernels.dropout(ones, Drops(share, seed)) for seed in (-3, 2**62))
        assert one.mean().item() == pytest.approx(1.0, abs=5 * (share / (1 - share) / 1e6) ** 0.5)
        both = ((one == 0) & (other == 0)).float().mean().item()
        assert both == pytest.approx(share**2, abs=5 * (share**2 / 1e6) ** 0.5 + 1e-5)
    # Neighbours in a word, in a row and in a column are dropped apart from one another.
    gone = (kernels.dropout(ones, Drops(0.5, 0)) == 0).double()
    for left, right in ((gone[:, 1:], gone[:, :-1]), (gone[:, 4:], gone[:, :-4]), (gone[1:], gone[:-1])):
        assert (left * right).mean().item() == pytest.approx(0.25, abs=0.003)


def test_a_nan_stays_one_where_it_is_dropped():
    dropped = library(torch.float32).dropout(torch.full((1000,), math.nan), Drops(0.5, 0))
    assert dropped.isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 50, 32), (8, 17, 37)])
def test_what_follows_the_product(dtype, residual, shared, share, shape):
    views, rows, width = shape
    drops = Drops(share, seed=99)
    factors = expected_factors(shape, drops)

    def plain(mixed, beside, bias, scale, shift):
        fused = F.gelu(mixed + bias[:, None]) * factors
        total = fused.transpose(0, 1) + (beside if residual else 0.0 * beside)
        return F.layer_norm(total, (width,), eps=1e-3) * scale + shift

    mixed, beside = random(views, rows, width, dtype=dtype), random(rows, views, width, dtype=dtype, seed=1)
    bias = random(views, width, dtype=torch.float32, seed=2)
    scale, shift = (random(*([width] if shared else [views, width]), dtype=torch.float32, seed=s) for s in (3, 4))
    grad = random(rows, views, width, dtype=dtype, seed=5)
    kernels = library(dtype)
    inputs = (mixed, beside if residual else None, bias, scale, shift, 1e-3)
    output, kept = kernels.fusion_forward(*inputs, drops=drops, keep=True)
    alone, nothing = kernels.fusion_forward(*inputs, drops=drops, keep=False)
    assert nothing is None and torch.equal(alone, output)
    grad_mixed, grad_beside, sums = kernels.fusion_backward(kept, scale, grad, has_residual=residual)
    exact = by_autograd(plain, mixed, beside, bias, scale, shift, grad=grad)
    of_scale, of_shift, of_bias = sums
    if shared:
        of_scale, of_shift = of_scale.sum(0), of_shift.sum(0)
    if grad_beside is None:
        exact.pop(2)
        assert_all_close([output, grad_mixed, of_bias, of_scale, of_shift], exact, dtype)
    else:
        assert_all_close([output, grad_mixed, grad_beside, of_bias, of_scale, of_shift], exact, dtype)


def test_the_normal_probability_is_right_far_out_too():
    mixed = torch.linspace(-12, 12, 4001).view(1, -1, 1).expand(1, 4001, 2).contiguous()
    mixed[..., 1] = 0.0
    zero, one = torch.zeros(1, 2), torch.ones(1, 2)
    _, (_, slopes, inverses) = library(torch.float32).fusion_forward(mixed, None, zero, one, zero, 0.0, keep=True)
    exact = mixed[0, :, 0].double().requires_grad_()
    gelu = F.gelu(exact)
    # The second number is gelu(0) = 0, so that the deviation of the two is half of the first.
    torch.testing.assert_close(2 / inverses[:, 0], gelu.detach().abs().float(), rtol=3e-6, atol=3e-7)
    (slope,) = torch.autograd.grad(gelu.sum(), exact)
    torch.testing.assert_close(slopes[0, :, 0], slope.float(), rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gathering_is_exact_and_its_gradient_adds_up(dtype):
    x, indices = random(23, 9, dtype=dtype), torch.randint(0, 9, (4, 11), generator=torch.Generator().manual_seed(0))
    kernels = library(dtype)
    assert torch.equal(kernels.gather_forward(x, indices), x[:, indices])
    grad = random(23, 4, 11, dtype=dtype)
    exact = torch.zeros(23, 9, dtype=torch.float64).index_add_(1, indices.flatten(), grad.double().flatten(1))
    assert_all_close([kernels.gather_backward(grad, indices, 9)], [exact], dtype)


@pytest.mark.parametrize("has_current", [True, False], ids=["later", "first"])
@pytest.mark.parametrize("is_last", [True, False], ids=["last", "not last"])
def test_a_cross_keeps_the_sum_exact_and_rounds_a_copy(has_current, is_last):
    first, current, later, grad = (random(13, 7, dtype=torch.float32, seed=seed) for seed in range(4))
    product, grad_rounded = (random(13, 7, dtype=torch.bfloat16, seed=seed) for seed in (4, 5))
    bias, kernels = random(7, dtype=torch.float32, seed=6), library(torch.bfloat16)
    following, rounded = kernels.cross_forward(first, product, bias, current if has_current else None, is_last=is_last)
    grads = (None, None, grad_rounded) if is_last else (later, grad, grad_rounded)
    found = kernels.cross_backward(first, product, bias, has_current=has_current, grads=grads)
    inputs = (first, product, bias, current) if has_current else (first, product, bias)
    upper = grad_rounded.float() if is_last else grad + grad_rounded.float()
    value, of_first, *others = by_autograd(
        lambda f, p, b, c=None: f * (p + b) + (f if c is None else c), *inputs, grad=upper
    )
    if not is_last:
        of_first = of_first + later.double()
    assert (following is None) == is_last and (found[3] is None) != has_current
    ours = [following, rounded, *found]
    for mine, theirs in zip(ours, [value, value, of_first, *others, None], strict=False):
        if mine is not None:
            torch.testing.assert_close(mine.double(), theirs, **TOLERANCE[mine.dtype])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_mean_of_views_is_summed_exactly(dtype):
    x, grad = random(13, 5, 7, dtype=dtype).requires_grad_(), random(13, 7, dtype=dtype, seed=1)
    output = mean_of_views(x)
    assert "MeanOfViews" in type(output.grad_fn).__name__
    ours = [output.detach(), *torch.autograd.grad(output, x, grad)]
    assert_all_close(ours, by_autograd(lambda x: x.mean(1), x.detach(), grad=grad), dtype)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_hidden(poison):
    z, alpha, gamma = torch.ones(3, 2, 4), torch.full((2, 2), 0.1), torch.ones(2, 4)
    z[1, 1, 2] = poison
    kernels = library(torch.float32)
    output, _ = kernels.competitive_forward(z, alpha, gamma)
    assert not torch.isfinite(output[1, 1]).all() and torch.isfinite(output[[0, 2]]).all()
    rows = z.transpose(0, 1).contiguous()
    output, _ = kernels.fusion_forward(rows, None, gamma, gamma, gamma, 1e-5, keep=False)
    assert not torch.isfinite(output[1, 1]).any() and torch.isfinite(output[[0, 2]]).all()


def test_tensors_may_lie_in_memory_as_they_like():
    kernels = library(torch.float32)
    wide = random(10, 3, 4, 7, dtype=torch.float32)
    z, alpha = wide[::2, :2], random(6, 4, dtype=torch.float32).t()[:, ::2] * 0.1
    gamma, grad = random(7, 4, dtype=torch.float32).t(), random(4, 5, 14, dtype=torch.float32).transpose(0, 1)[..., ::2]
    output, steps = kernels.competitive_forward(z, alpha, gamma)
    ours = [output, *kernels.competitive_backward(z, alpha, gamma, steps, grad)]
    assert_all_close(ours, by_autograd(plain_competition, z, alpha, gamma, grad=grad), torch.float32)


def test_the_same_number_of_threads_gives_the_same_bits():
    z, alpha, gamma = random(501, 2, 4, 32, dtype=torch.bfloat16), torch.full((4, 5), 0.2), torch.ones(4, 32)
    grad, kernels = random(501, 4, 32, dtype=torch.bfloat16), library(torch.bfloat16)

    def run():
        output, steps = kernels.competitive_forward(z, alpha, gamma)
        return [output, *kernels.competitive_backward(z, alpha, gamma, steps, grad)]

    first, second = run(), run()
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        other = run()
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert_all_close(other, [tensor.double() for tensor in first], torch.bfloat16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "layer",
    [
        StaticFilter(d_in=12, views=3, width=5, first_seed=0),
        ViewFusion(views=3, d_in=12, width=12, residual=True, depth=2),
        CrossNetwork(width=12, crosses=3),
        CrossNetwork(width=12, crosses=2, rank=4),
    ],
    ids=["static", "fusion", "cross", "low-rank cross"],
)
def test_a_layer_gives_the_same_without_kernels(layer, dtype, monkeypatch):
    shape = (40, 3, 12) if isinstance(layer, ViewFusion) else (40, 12)

    def run():
        x = random(*shape, dtype=torch.float32).requires_grad_()
        with torch.autocast("cpu", dtype=dtype, enabled=dtype == torch.bfloat16):
            output = layer(x)
        weights = random(*output.shape, dtype=torch.float32)
        return [output.detach(), *torch.autograd.grad((output.float() * weights).sum(), [x, *layer.parameters()])]

    with_kernels = run()
    monkeypatch.setenv("TAMIS_KERNELS", "off")
    assert_all_close(with_kernels, [tensor.double() for tensor in run()], dtype)


def test_the_competition_gives_the_same_without_kernels(monkeypatch):
    z, alpha, gamma = random(40, 2, 3, 12, dtype=torch.float32), torch.full((3, 5), 0.2), torch.ones(3, 12)
    with_kernels = competitive_sparse(z, alpha, gamma)
    monkeypatch.setenv("TAMIS_KERNELS", "off")
    torch.testing.assert_close(with_kernels, competitive_sparse(z, alpha, gamma))
