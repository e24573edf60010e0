import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tamis.layers import CompetitiveFilter, competitive_sparse
from tamis.layers.competitive_filter import _plain_iteration


def sparse_by_loops(z: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
    """Algorithm 1 of the paper, one number at a time."""
    rows, views, width = z.shape
    output = torch.empty_like(z)
    for row in range(rows):
        for view in range(views):
            x = [max(float(z[row, view, j]), 0.0) for j in range(width)]
            for rate in alpha[view].tolist():
                mean = sum(x) / width
                x = [max(number - rate * mean, 0.0) for number in x]
            for j in range(width):
                output[row, view, j] = float(gamma[view, j]) * x[j]
    return output


def naive(z: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
    """The same by whole tensors, for autograd."""
    values = None
    if z.dim() == 4:
        z, values = z.unbind(1)
    x = torch.relu(z)
    for t in range(alpha.shape[1]):
        x = torch.relu(x - alpha[:, t, None] * x.mean(2, keepdim=True))
    return gamma * x if values is None else gamma * x * values


def inputs(seed: int, *, gated: bool, scale: float, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows, views, width, iterations = (int(torch.randint(1, high, (), generator=generator)) for high in (40, 5, 20, 8))
    shape = (rows, 2, views, width) if gated else (rows, views, width)
    z = torch.randn(shape, generator=generator, dtype=dtype)
    alpha = torch.randn(views, iterations, generator=generator, dtype=dtype) * scale
    gamma = torch.randn(views, width, generator=generator, dtype=dtype)
    return [z, alpha, gamma]


def value_and_gradients(function, tensors: list[Tensor]) -> list[Tensor]:
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    output = function(*leaves)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).reshape(output.shape)
    (output * weights).sum().backward()
    return [output.detach(), *(leaf.grad for leaf in leaves)]  # type: ignore[misc]


@pytest.mark.parametrize("rate", [0.3, -0.2])
def test_it_equals_algorithm_1(rate):
    z = torch.randn(4, 3, 6, dtype=torch.float64)
    alpha = torch.full((3, 4), 0.2, dtype=torch.float64)
    alpha[1, 2] = rate
    alpha[2, 3] = -abs(rate)
    gamma = torch.rand(3, 6, dtype=torch.float64)
    torch.testing.assert_close(competitive_sparse(z, alpha, gamma), sparse_by_loops(z, alpha, gamma))


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), gated=st.booleans(), scale=st.sampled_from([0.1, 0.5, 1.5]))
def test_values_and_gradients_equal_the_naive_loop_in_float64_for_rates_of_mixed_sign(seed, gated, scale):
    tensors = inputs(seed, gated=gated, scale=scale, dtype=torch.float64)
    pairs = zip(value_and_gradients(competitive_sparse, tensors), value_and_gradients(naive, tensors), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), gated=st.booleans())
def test_values_and_gradients_equal_the_naive_loop_to_a_millionth_in_float32(seed, gated):
    # Rates as trained models hold them, some negative.
    z, alpha, gamma = inputs(seed, gated=gated, scale=0.3)
    pairs = zip(
        value_and_gradients(competitive_sparse, [z, alpha, gamma]),
        value_and_gradients(naive, [z, alpha, gamma]),
        strict=True,
    )
    # The gradients of alpha and gamma are sums over the rows; their rounding is judged a row.
    for (ours, theirs), summands in zip(pairs, (1, 1, len(z), len(z)), strict=True):
        assert (ours - theirs).abs().max() <= 1e-6 * max(summands, float(theirs.abs().max()))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("gated", [False, True])
def test_gradcheck_with_rates_of_mixed_sign(seed, gated):
    torch.manual_seed(seed)
    shape = (3, 2, 2, 5) if gated else (3, 2, 5)
    z = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor([[0.3, -0.2, 0.4], [0.5, 0.1, -0.6]], dtype=torch.float64, requires_grad=True)
    gamma = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(competitive_sparse, (z, alpha, gamma))


def test_many_rows_are_worked_on_in_parts_with_the_same_result():
    z = torch.randn(1500, 4, 128)
    alpha, gamma = torch.full((4, 5), 0.3), torch.rand(4, 128)
    ours = value_and_gradients(competitive_sparse, [z, alpha, gamma])
    theirs = value_and_gradients(naive, [z, alpha, gamma])
    for part in range(2):
        torch.testing.assert_close(ours[part], theirs[part], rtol=1e-5, atol=1e-6)
    for part in range(2, 4):
        torch.testing.assert_close(ours[part], theirs[part], rtol=1e-4, atol=1e-3)


def test_what_a_compiler_sees_is_the_same_iteration():
    z, alpha, gamma = torch.randn(9, 2, 3, 8), torch.randn(3, 4) * 0.3, torch.rand(3, 8)
    torch.testing.assert_close(_plain_iteration(z, alpha, gamma), naive(z, alpha, gamma))


def test_without_negative_rates_it_is_one_soft_threshold_for_each_row_and_view():
    z, alpha = torch.randn(20, 3, 16, dtype=torch.float64), torch.rand(3, 5, dtype=torch.float64)
    output = competitive_sparse(z, alpha, torch.ones(3, 16, dtype=torch.float64))
    alive = output > 0
    threshold = torch.where(alive, z - output, torch.nan).nanmean(2, keepdim=True).nan_to_num()
    expected = torch.relu(torch.relu(z) - threshold)
    some = alive.any(2, keepdim=True)
    torch.testing.assert_close(output * some, expected * some, rtol=0, atol=1e-12)


def test_it_scales_with_its_input_follows_permutations_and_keeps_the_order():
    z, alpha = torch.randn(20, 2, 16, dtype=torch.float64), torch.rand(2, 5, dtype=torch.float64) * 0.4
    one = torch.ones(2, 16, dtype=torch.float64)
    output = competitive_sparse(z, alpha, one)
    order = torch.randperm(16)
    torch.testing.assert_close(competitive_sparse(3.5 * z, alpha, one), 3.5 * output)
    torch.testing.assert_close(competitive_sparse(z[..., order], alpha, one), output[..., order])
    ranked = output.gather(2, z.argsort(dim=2))
    assert (ranked.diff(dim=2) >= 0).all()


def test_more_steps_never_wake_a_dimension_or_add_to_the_sum():
    z, alpha = torch.randn(20, 2, 16), torch.rand(2, 6)
    outputs = [competitive_sparse(z, alpha[:, :steps], torch.ones(2, 16)) for steps in range(1, 7)]
    for fewer, more in zip(outputs, outputs[1:], strict=False):
        assert not ((more > 0) & (fewer <= 0)).any()
        assert (more.sum(2) <= fewer.sum(2) + 1e-6).all()


def test_a_rate_of_zero_leaves_a_relu():
    z = torch.randn(9, 2, 5)
    assert torch.equal(competitive_sparse(z, torch.zeros(2, 3), torch.ones(2, 5)), torch.relu(z))


def test_a_negative_last_rate_adds_to_dead_dimensions_too():
    z = torch.tensor([[[4.0, -1.0, -1.0, -1.0]]])
    output = competitive_sparse(z, torch.tensor([[-0.5]]), torch.ones(1, 4))
    assert output.tolist() == [[[4.5, 0.5, 0.5, 0.5]]]


def test_a_view_without_a_positive_number_is_silent_in_both_directions():
    z = -torch.rand(4, 2, 5)
    output, *gradients = value_and_gradients(competitive_sparse, [z, torch.full((2, 3), 0.2), torch.ones(2, 5)])
    assert not output.any()
    assert not any(gradient.any() for gradient in gradients)


def test_one_step_has_the_jacobian_computed_on_paper():
    alpha, width = 0.6, 6
    z = torch.tensor([1.5, 0.9, 0.7, 0.1, -0.4, -2.0], dtype=torch.float64)
    gamma = torch.rand(1, width, dtype=torch.float64)
    rate = torch.tensor([[alpha]], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: competitive_sparse(x[None, None], rate, gamma)[0, 0], z)
    survives = torch.relu(z) > alpha * torch.relu(z).mean()
    for i in range(width):
        for j in range(width):
            expected = gamma[0, i] * (float(i == j) - alpha / width * float(z[j] > 0)) * float(survives[i])
            assert abs(float(jacobian[i, j]) - float(expected)) < 1e-12


def test_the_memory_kept_for_the_backward_does_not_grow_with_copies_of_the_input():
    rows, views, width, iterations = 32, 4, 64, 9
    z = torch.randn(rows, views, width, requires_grad=True)
    alpha = torch.full((views, iterations), 0.1, requires_grad=True)
    gamma = torch.ones(views, width, requires_grad=True)
    saved: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        competitive_sparse(z, alpha, gamma)
    large = [tensor for tensor in saved if tensor.numel() >= z.numel()]
    assert [tensor.data_ptr() for tensor in large] == [z.data_ptr()]
    small = sum(tensor.numel() for tensor in saved) - z.numel()
    assert small == 4 * (iterations + 1) * rows * views + alpha.numel() + gamma.numel()


def test_bfloat16_rounds_only_what_goes_in_and_out():
    z, alpha, gamma = torch.randn(50, 2, 3, 64), torch.full((3, 5), 0.3), torch.rand(3, 64)
    rounded = z.bfloat16()
    exact = competitive_sparse(rounded.float(), alpha, gamma)
    output = competitive_sparse(rounded, alpha, gamma)
    assert output.dtype == torch.bfloat16
    assert torch.equal(output, exact.bfloat16())


def test_the_layer_starts_with_its_numbers_and_refuses_none():
    sieve = CompetitiveFilter(views=2, width=3, iterations=4, alpha_init=0.7, gamma_init=0.5)
    assert torch.equal(sieve.alpha, torch.full((2, 4), 0.7))
    assert torch.equal(sieve.gamma, torch.full((2, 3), 0.5))
    with pytest.raises(ValueError, match="must be at least 1; got 2, 3 and 0"):
        CompetitiveFilter(views=2, width=3, iterations=0)
