import pytest
import torch
from torch import Tensor

from tamis.layers import CompetitiveFilter, competitive_sparse, flow_threshold


def many_steps(x: Tensor, rate: float, steps: int) -> list[float]:
    """ICS with ``steps`` equal rates that sum to ``rate``, one number at a time."""
    numbers = [max(number, 0.0) for number in x.tolist()]
    for _ in range(steps):
        mean = sum(numbers) / len(numbers)
        numbers = [max(number - rate / steps * mean, 0.0) for number in numbers]
    return numbers


def flow(x: Tensor, rate: float) -> Tensor:
    positive = torch.relu(x)[None, None]
    return torch.relu(positive - flow_threshold(positive, torch.tensor([rate], dtype=x.dtype)))[0, 0]


@pytest.mark.parametrize("rate", [-0.7, 0.0, 0.1, 0.5, 2.0, 6.0, 30.0])
def test_it_is_the_limit_of_many_small_steps_and_the_distance_halves_with_twice_as_many(rate):
    x = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    distances = [
        max(abs(a - b) for a, b in zip(flow(x, rate).tolist(), many_steps(x, rate, steps), strict=True))
        for steps in (500, 1000, 2000)
    ]
    assert distances[-1] < 5e-3 * max(abs(rate), 1e-9) * float(x.max())
    for more, fewer in zip(distances[1:], distances, strict=False):
        assert more == pytest.approx(fewer / 2, rel=0.1, abs=1e-12)


def test_two_phases_computed_on_paper():
    """3, 1, 0, 0: mass 4 falls as 4 exp(-t/2) to 2 at t = 2 log 2, when 1 is gone, then as 2 exp(-t/4)."""
    x = torch.tensor([3.0, 1.0, 0.0, -2.0], dtype=torch.float64)
    first, second = torch.tensor([1.0, 3.0], dtype=torch.float64), 2 * torch.tensor(2.0, dtype=torch.float64).log()
    torch.testing.assert_close(flow(x, 1.0)[:2].sum(), 4 * torch.exp(-first[0] / 2))
    torch.testing.assert_close(flow(x, 1.0)[0] - flow(x, 1.0)[1], torch.tensor(2.0, dtype=torch.float64))
    torch.testing.assert_close(flow(x, 3.0)[0], 2 * torch.exp(-(first[1] - second) / 4))
    assert flow(x, 3.0)[1:].tolist() == [0.0, 0.0, 0.0]


def test_gradients_are_those_of_the_formula_for_rates_of_either_sign():
    torch.manual_seed(0)
    x = torch.rand(4, 3, 6, dtype=torch.float64, requires_grad=True)
    rate = torch.tensor([0.4, 3.0, -0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(flow_threshold, (x, rate))


def test_gradients_are_close_to_those_of_many_steps_with_dead_dimensions_and_values():
    torch.manual_seed(0)
    z = torch.randn(30, 2, 2, 8, dtype=torch.float64)
    gradients = []
    for kind, iterations in (("closed", 5), ("iterative", 4000)):
        sieve = CompetitiveFilter(views=2, width=8, iterations=5, alpha_init=0.3, kind="closed").double()
        if kind == "iterative":
            sieve = CompetitiveFilter(views=2, width=8, iterations=iterations, alpha_init=1.5 / iterations).double()
        leaf = z.clone().requires_grad_()
        sieve(leaf).square().sum().backward()
        gradients.append((leaf.grad, sieve.gamma.grad, sieve.alpha.grad.mean(1)))
    for closed, iterative in zip(*gradients, strict=True):
        torch.testing.assert_close(closed, iterative, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("rate", [-1.0, 0.0, 2.0, 500.0])
def test_silent_tied_and_single_dimensions_stay_finite_in_both_directions(rate):
    x = torch.tensor([[[0.0, 0.0, 0.0]], [[2.0, 2.0, 2.0]], [[5.0, 0.0, 0.0]], [[2.0, 2.0, 1.0]]], requires_grad=True)
    rates = torch.tensor([rate], requires_grad=True)
    left = torch.relu(x - flow_threshold(x, rates))
    left.sum().backward()
    for tensor in (left, x.grad, rates.grad):
        assert tensor.isfinite().all()
    if rate > 0:
        # exp(-rate): three equal ones fall alike and never die before the others.
        torch.testing.assert_close(left[1, 0], torch.full((3,), 2 * torch.exp(torch.tensor(-rate)).item()))


def test_some_dimension_is_always_left_where_steps_of_ics_silence_the_view():
    z = torch.full((1, 1, 4), 3.0)
    one = torch.ones(1, 4)
    assert not competitive_sparse(z, torch.tensor([[1.0]]), one).any()
    assert (z > flow_threshold(z, torch.tensor([1.0]))).all()


def test_bfloat16_rounds_only_what_goes_in_and_out():
    sieve = CompetitiveFilter(views=3, width=64, alpha_init=0.3, kind="closed")
    rounded = torch.randn(50, 2, 3, 64).bfloat16()
    output = sieve(rounded)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), sieve(rounded.float()), rtol=0.02, atol=1e-3)


def test_the_closed_form_has_one_rate_a_view_and_another_kind_is_refused():
    assert torch.equal(
        CompetitiveFilter(views=2, width=3, iterations=4, alpha_init=0.5, kind="closed").alpha, torch.full((2, 1), 2.0)
    )
    with pytest.raises(ValueError, match="kind must be 'iterative' or 'closed'; got 'sorted'"):
        CompetitiveFilter(views=2, width=3, kind="sorted")
