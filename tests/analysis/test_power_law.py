"""Planted laws are found again, and intervals hold as often as they say."""

import numpy as np
import pytest

from tamis.analysis import fit_power_law
from tamis.errors import DataError

SIMULATIONS = 200
# The chance that 200 intervals of 95 % hold in fewer than 90 % of cases is one in a thousand.
LEAST_COVERED = 0.90


def planted(sizes, *, exponent, limit=0.8, factor=0.02, sign=-1):
    return limit + sign * factor * (np.asarray(sizes) / 1e6) ** -exponent


@pytest.mark.parametrize("is_loss", [False, True])
def test_a_law_without_noise_is_found(is_loss):
    sizes = np.geomspace(1e5, 1e7, 6)
    values = planted(sizes, exponent=0.4, sign=1 if is_loss else -1)
    law = fit_power_law(sizes, np.stack([values, values], axis=1).tolist(), is_loss=is_loss, draws=50)
    assert law.exponent.value == pytest.approx(0.4, rel=2e-3)
    assert law.limit.value == pytest.approx(0.8, abs=1e-4)
    assert law.factor.value == pytest.approx(0.02, rel=5e-3)
    beyond = law.at([1e8])[0].value
    assert beyond == pytest.approx(planted([1e8], exponent=0.4, sign=1 if is_loss else -1)[0], abs=1e-4)


def test_the_fit_is_that_of_a_naive_search_over_all_three_numbers():
    generator = np.random.default_rng(3)
    sizes, seeds = np.geomspace(1e4, 1e6, 5), 4
    values = planted(sizes, exponent=0.5)[:, None] + 0.003 * generator.normal(size=(5, seeds))
    law = fit_power_law(sizes, values.tolist(), is_loss=False, draws=10)
    own, shared = values.var(axis=1, ddof=1), values.var(axis=1, ddof=1).mean()
    weights = seeds / ((20 * shared + 3 * own) / 23)

    def left_over(limit, factor, exponent):
        gaps = values.mean(axis=1) - (limit - factor * (sizes / law.centre) ** -exponent)
        return float((weights * gaps**2).sum())

    found = left_over(law.limit.value, law.factor.value, law.exponent.value)
    for step in np.random.default_rng(4).normal(scale=(0.002, 0.003, 0.05), size=(3000, 3)):
        other = np.array([law.limit.value, law.factor.value, law.exponent.value]) + step
        if other[0] <= 1 and other[1] >= 0 and other[2] > 0:
            assert left_over(*other) >= found * (1 - 1e-6)


@pytest.mark.parametrize(
    ("exponent", "noise", "seeds", "points"), [(0.3, 0.0005, 3, 7), (0.3, 0.002, 3, 7), (0.8, 0.001, 3, 5)]
)
def test_intervals_of_95_percent_hold_in_at_least_90_of_simulations(exponent, noise, seeds, points):
    generator = np.random.default_rng(points)
    sizes = np.geomspace(1e5, 1e7, points)
    truth = [exponent, 0.8, *planted([1e7, 1e8], exponent=exponent)]
    held = np.zeros(4)
    for _ in range(SIMULATIONS):
        values = planted(sizes, exponent=exponent)[:, None] + noise * generator.normal(size=(points, seeds))
        law = fit_power_law(sizes, values.tolist(), is_loss=False, draws=300)
        found = [law.exponent, law.limit, *law.at([1e7, 1e8])]
        held += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    assert (held / SIMULATIONS >= LEAST_COVERED).all(), held / SIMULATIONS


def test_with_one_seed_a_size_the_points_own_distance_gives_the_interval():
    generator = np.random.default_rng(0)
    sizes, held = np.geomspace(1e5, 1e7, 7), 0
    for _ in range(SIMULATIONS):
        values = planted(sizes, exponent=0.3) + 0.001 * generator.normal(size=7)
        law = fit_power_law(sizes, values[:, None].tolist(), is_loss=False, draws=300)
        one = law.at([1e8])[0]
        held += one.low <= planted([1e8], exponent=0.3)[0] <= one.high
    assert held / SIMULATIONS >= LEAST_COVERED


def test_an_exponent_that_the_data_do_not_tell_is_said_not_to_be_identified():
    generator = np.random.default_rng(0)
    sizes = np.geomspace(1e5, 1e6, 5)
    straight = 0.7 + 0.01 * np.log10(sizes)
    curved = planted(sizes, exponent=0.6, factor=0.05)
    noise = 0.001 * generator.normal(size=(5, 3))
    assert not fit_power_law(sizes, (straight[:, None] + noise).tolist(), is_loss=False).is_identified
    assert not fit_power_law(sizes, (0.7 + noise).tolist(), is_loss=False).is_identified
    assert fit_power_law(sizes, (curved[:, None] + noise / 10).tolist(), is_loss=False).is_identified


def test_what_is_no_power_law_does_not_fit():
    sizes = np.geomspace(1e4, 1e7, 7)
    noise = 0.0005 * np.random.default_rng(0).normal(size=(7, 3))
    hill = 0.75 - 0.01 * (np.log10(sizes) - 5.5) ** 2
    assert fit_power_law(sizes, (hill[:, None] + noise).tolist(), is_loss=False).misfit < 0.01
    law = planted(sizes, exponent=0.3)
    assert fit_power_law(sizes, (law[:, None] + noise).tolist(), is_loss=False).misfit > 0.05


def test_a_quality_never_passes_one_and_a_loss_never_falls_below_nothing():
    sizes = np.geomspace(1e4, 1e6, 6)
    steep = 0.9 + 0.045 * np.log10(sizes / 1e4)
    quality = fit_power_law(sizes, np.stack([steep - 1e-3, steep + 1e-3], axis=1).tolist(), is_loss=False)
    loss = fit_power_law(sizes, np.stack([1 - steep - 1e-3, 1.001 - steep], axis=1).tolist(), is_loss=True)
    assert quality.limit.high <= 1 and all(one.high <= 1 for one in quality.at([1e9, 1e20]))
    assert loss.limit.low >= 0 and all(one.low >= 0 for one in loss.at([1e9, 1e20]))


def test_the_same_values_give_the_same_law():
    sizes, values = [1e4, 1e5, 1e6, 1e7], [[0.7, 0.71], [0.73, 0.735], [0.745, 0.75], [0.752, 0.751]]
    first, second = (fit_power_law(sizes, values, is_loss=False) for _ in range(2))
    assert np.array_equal(first.draws, second.draws)


@pytest.mark.parametrize(("sizes", "seeds"), [([1e4, 1e5, 1e6], 3), ([1e4, 1e5, 1e6, 1e6], 3), ([1, 2, 3, 4], 1)])
def test_too_few_sizes_are_refused(sizes, seeds):
    with pytest.raises(DataError, match=r"needs at least \d sizes that differ; got \d. Train more sizes"):
        fit_power_law(sizes, [[0.5 + 0.01 * seed for seed in range(seeds)]] * len(sizes), is_loss=False)


@pytest.mark.parametrize(
    ("sizes", "seeds", "message"),
    [
        ([0, 1, 2, 3, 4], [2] * 5, r"needs sizes above 0; got \[0, 1, 2, 3, 4\]. Leave out the others"),
        ([1, 2, 3, 4, 5], [2] * 4, r"at least one seed for each of 5 sizes; got \[2, 2, 2, 2\] of them. Leave out"),
        ([1, 2, 3, 4, 5], [2, 2, 0, 2, 2], r"at least one seed for each of 5 sizes; got \[2, 2, 0, 2, 2\]"),
    ],
)
def test_the_rule_that_is_broken_is_named(sizes, seeds, message):
    with pytest.raises(DataError, match=message):
        fit_power_law(sizes, [[0.5 + 0.01 * seed for seed in range(number)] for number in seeds], is_loss=False)
