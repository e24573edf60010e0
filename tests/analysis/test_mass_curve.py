import math
from statistics import NormalDist

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.analysis.mass_curve import curve_at, dims_holding, group_shares, mass_curve

MASSES = st.lists(st.integers(0, 50), min_size=1, max_size=30)


def naive_dims_holding(mass: list[float], share: float) -> float:
    heavy, held = sorted(mass, reverse=True), 0.0
    for count, value in enumerate(heavy, start=1):
        held += value
        if held >= share * sum(mass):
            return count / len(mass)
    raise AssertionError


def expected_height(dims: float, spread: float) -> float:
    """The curve of many normally distributed masses of mean 1 (Lorenz' curve, heaviest first)."""
    normal = NormalDist()
    return dims + spread * normal.pdf(normal.inv_cdf(1 - dims))


@settings(deadline=None, max_examples=50)
@given(mass=MASSES, share=st.sampled_from([0.25, 0.5, 0.8, 0.95]))
def test_the_share_of_dimensions_is_that_of_counting_from_the_heaviest(mass, share):
    expected = naive_dims_holding(mass if sum(mass) else [1] * len(mass), share)
    assert dims_holding(torch.tensor(mass, dtype=torch.float64), share) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(mass=MASSES)
def test_the_curve_rises_from_0_to_1_and_never_lies_below_the_diagonal(mass):
    curve = mass_curve(torch.tensor(mass))
    assert curve[0] == 0 and curve[-1] == pytest.approx(1)
    assert (curve.diff() >= -1e-12).all()
    assert (curve >= torch.linspace(0, 1, len(curve), dtype=torch.float64) - 1e-12).all()


def test_mass_planted_in_four_of_a_hundred_dimensions_is_found():
    mass = torch.full((100,), 20.0 / 96)
    mass[[3, 50, 51, 99]] = 20.0
    assert dims_holding(mass) == 0.04
    assert curve_at(mass_curve(mass), (0.0, 0.04, 1.0)) == pytest.approx((0.0, 0.8, 1.0))


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_control_the_columns_of_random_weights_follow_the_closed_form(kind):
    outputs, dims = 64, 20_000
    generator = torch.Generator().manual_seed(0)
    draw = torch.randn if kind == "normal" else torch.rand
    mass = draw(outputs, dims, generator=generator).abs().sum(0)
    # Mean and variance of one |w|; a column adds up `outputs` of them.
    mean, variance = (math.sqrt(2 / math.pi), 1 - 2 / math.pi) if kind == "normal" else (1 / 2, 1 / 12)
    spread = math.sqrt(variance / outputs) / mean
    for share in (0.1, 0.5, 0.75, 0.9):
        (height,) = curve_at(mass_curve(mass), (share,))
        assert height == pytest.approx(expected_height(share, spread), abs=0.002)
    found = dims_holding(mass)
    assert expected_height(found, spread) == pytest.approx(0.8, abs=0.002)
    assert 0.7 < found < 0.8


def test_groups_share_the_mass_and_nothing_is_shared_where_there_is_none():
    mass = torch.tensor([[1.0, 2.0, 3.0, 0.0, 0.0, 4.0], [0.0] * 6])
    assert group_shares(mass, 3).flatten().tolist() == pytest.approx([0.3, 0.3, 0.4, 0.0, 0.0, 0.0])


def test_no_dimension_is_refused():
    with pytest.raises(ValueError, match="at least one dimension; got none"):
        mass_curve(torch.empty(0))
