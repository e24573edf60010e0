"""ICS with many small steps follows a flow that ends where the sum of the rates says, however they are shared out.

``T`` steps with rates ``r_t`` raise a threshold ``theta`` by ``r_t m(theta)`` each, where ``m(theta) = mean_j relu(x_j
- theta)`` is what is left. They are Euler's method for ``d theta / d t = m(theta)`` from ``theta(0) = 0`` to time ``r =
sum_t r_t``. Only ``r`` is left in the limit: why a model of fewer steps (``make_lighter``) keeps the sum of its rates.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tamis.layers import competitive_sparse


def flow(x: list[float], rate: float) -> list[float]:
    """What the flow leaves of a view, phase by phase.

    While ``n`` of ``d`` dimensions are left, the mass above the threshold, ``A = sum_j relu(x_j - theta)``, loses ``n``
    for each unit of ``theta``, so ``dA / dt = -n A / d``: it falls as ``A exp(-n t / d)``, and ``theta`` rises by ``A
    (1 - exp(-n t / d)) / n``. The phase ends when ``theta`` reaches the lowest of them, which leaves ``B`` of ``A``:
    after ``(d / n) log(A / B)``. If all that are left are equal, ``B = 0`` and it never ends. At a negative rate all
    are lifted: ``n = d``, and the phase never ends either.
    """
    numbers = [max(number, 0.0) for number in x]
    theta, time, width = 0.0, rate, len(numbers)
    while True:
        left = [number for number in numbers if number > theta] if rate > 0 else numbers
        if not left:
            return numbers
        count, lowest = len(left), min(left)
        mass, mass_at_end = (sum(number - level for number in left) for level in (theta, lowest))
        length = width / count * math.log(mass / mass_at_end) if rate > 0 and mass_at_end > 0 else math.inf
        if length >= time:
            theta -= mass * math.expm1(-count * time / width) / count
            return [max(number - theta, 0.0) for number in numbers]
        theta, time = lowest, time - length


def steps(x: Tensor, rates: Tensor) -> list[float]:
    return competitive_sparse(x[None, None], rates[None], torch.ones(1, len(x), dtype=x.dtype))[0, 0].tolist()


def shared_out(rate: float, count: int, how: str) -> Tensor:
    """So many rates that sum to ``rate``."""
    shares = torch.ones(count, dtype=torch.float64) if how == "evenly" else torch.arange(count, dtype=torch.float64)
    return rate * shares / shares.sum()


@pytest.mark.parametrize("how", ["evenly", "rising"])
@pytest.mark.parametrize("rate", [-0.7, 0.0, 0.1, 0.5, 2.0, 6.0, 30.0])
def test_it_is_the_limit_of_many_small_steps_and_the_distance_halves_with_twice_as_many(rate, how):
    x = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    limit = flow(x.tolist(), rate)
    distances = [
        max(abs(a - b) for a, b in zip(limit, steps(x, shared_out(rate, count, how)), strict=True))
        for count in (500, 1000, 2000)
    ]
    assert distances[-1] < 5e-3 * max(abs(rate), 1e-9) * float(x.max())
    for fewer, more in pairwise(distances):
        assert more == pytest.approx(fewer / 2, rel=0.1, abs=1e-12)


def test_two_phases_computed_on_paper():
    """3, 1, 0, 0: mass 4 falls as 4 exp(-t/2) to 2 at t = 2 log 2, when 1 is gone, then as 2 exp(-t/4)."""
    first = flow([3.0, 1.0, 0.0, -2.0], 1.0)
    assert first[0] + first[1] == pytest.approx(4 * math.exp(-0.5))
    assert first[0] - first[1] == pytest.approx(2)
    second = flow([3.0, 1.0, 0.0, -2.0], 3.0)
    assert second == pytest.approx([2 * math.exp(-(3 - 2 * math.log(2)) / 4), 0, 0, 0])


def test_some_dimension_is_always_left_where_steps_silence_the_view():
    equal = torch.full((4,), 3.0, dtype=torch.float64)
    assert not any(steps(equal, torch.ones(1, dtype=torch.float64)))
    assert flow(equal.tolist(), 1.0) == pytest.approx([3 * math.exp(-1)] * 4)
