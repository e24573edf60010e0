"""Flat curves are not called rising, and rising ones not flat, more often than is said."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tamis.analysis import auc_side, compare_auc, compare_slopes, judge_saturation, slope_weights, weigh_auc
from tamis.errors import DataError

SIZES = list(np.geomspace(1e4, 1e6, 7))
THRESHOLD = 0.02


def scores_of(gains, seed, *, rows=600, seeds=3, luck=0.25):
    """Labels, and scores of models that tell more the larger their gain; with noise of each model and of each seed."""
    generator = np.random.default_rng(seed)
    labels = generator.random(rows) < 0.4
    common = labels + generator.normal(size=rows)
    models = []
    for gain in gains:
        own = common + gain * labels + 0.3 * generator.normal(size=rows)
        models.append(
            own + luck * generator.normal(size=(seeds, rows)) + 0.05 * generator.normal(size=(seeds, 1)) * labels
        )
    return labels, models


def judged(gains, seed, *, threshold=THRESHOLD, **options):
    labels, models = scores_of(gains, seed, **options)
    return judge_saturation(SIZES[: len(gains)], [auc_side(labels, one) for one in models], threshold=threshold)


def test_a_weighted_sum_of_aucs_is_that_of_scikit_learn_and_a_difference_that_of_compare_auc():
    labels, models = scores_of([0, 0.1, 0.3], 0)
    sides = [auc_side(labels, one) for one in models]
    aucs = [np.mean([roc_auc_score(labels, seed) for seed in one]) for one in models]
    weights = (0.2, -1.5, 1.3)
    assert weigh_auc(sides, weights).difference == pytest.approx(np.dot(weights, aucs), abs=1e-12)
    assert weigh_auc(sides[:2], (1.0, -1.0)) == compare_auc(labels, models[0], models[1])


def test_the_slope_is_that_of_least_squares():
    sizes, values = [1e3, 3e3, 2e5, 1e6], np.array([0.7, 0.72, 0.71, 0.8])
    assert np.dot(slope_weights(sizes), values) == pytest.approx(np.polyfit(np.log10(sizes), values, 1)[0])


def test_the_error_of_a_slope_is_that_seen_over_other_rows_and_seeds():
    weights = slope_weights(SIZES)
    drawn = []
    for seed in range(150):
        labels, models = scores_of([0] * 7, seed)
        drawn.append(weigh_auc([auc_side(labels, one) for one in models], weights))
    seen = np.std([one.difference for one in drawn])
    said = np.sqrt(np.mean([one.rows_error**2 + (one.seeds_error or 0) ** 2 for one in drawn]))
    assert said == pytest.approx(seen, rel=0.15)


def two_curves(one, other, seed, **options):
    labels, models = scores_of([*one, *other], seed, **options)
    sides = [auc_side(labels, scores) for scores in models]
    return (SIZES[: len(one)], sides[: len(one)]), (SIZES[: len(other)], sides[len(one) :])


def test_slopes_are_compared_over_the_last_decade_that_both_curves_have():
    first, second = two_curves([0, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4], [0, 0.3, 0.1, 0.2], 5)
    second = ([1.1 * size for size in second[0]], second[1])
    parts = (first[0][:4], first[1][:4]), second
    slopes = [judge_saturation(*curve, threshold=THRESHOLD).slope.difference for curve in parts]
    found, turned = compare_slopes(first, second), compare_slopes(second, first)
    assert found.difference == pytest.approx(slopes[0] - slopes[1])
    assert (turned.low, turned.high, turned.p_value) == pytest.approx((-found.high, -found.low, found.p_value))
    with pytest.raises(DataError, match="at least 3 sizes"):
        compare_slopes(first, (SIZES[:2], second[1][:2]))


def test_equal_slopes_are_seldom_told_apart_and_unequal_ones_are():
    """5 % of 200 is 10; more than 20 come once in five hundred times."""
    rising, flat = np.linspace(0, 0.3, 7), np.full(7, 0.2)
    null = [compare_slopes(*two_curves(rising, rising, seed)).p_value < 0.05 for seed in range(200)]
    assert sum(null) <= 20
    found = [compare_slopes(*two_curves(rising, flat, seed)) for seed in range(100)]
    assert sum(one.low > 0 for one in found) > 20 and not any(one.high < 0 for one in found)


def test_a_flat_curve_is_seldom_said_to_gain():
    """2.5 % of 200 is 5; more than 12 come once in two hundred times."""
    words = [judged([0] * 7, seed).verdict for seed in range(200)]
    assert words.count("still gains") <= 12
    assert words.count("saturates") > 20


def test_a_curve_that_gains_more_than_the_threshold_is_seldom_said_to_saturate():
    gains = np.linspace(0, 0.35, 7)
    found = [judged(gains, seed) for seed in range(200)]
    assert np.mean([one.slope.difference for one in found]) > THRESHOLD
    words = [one.verdict for one in found]
    assert words.count("saturates") <= 12
    assert words.count("still gains") > 100


def test_a_curve_that_rises_and_then_is_flat_saturates_where_it_becomes_so():
    found = judged([0, 0.5, 1.0, 1.4, 1.4, 1.4, 1.4], 1, rows=20_000, luck=0.1)
    assert found.verdict == "saturates" and found.from_size == pytest.approx(1e5)
    assert found.window == (pytest.approx(1e5), 1e6)
    assert found.overall.low > THRESHOLD
    flat = judged([0] * 7, 1, rows=20_000, luck=0.1)
    assert flat.verdict == "saturates" and flat.from_size == pytest.approx(1e4)


def test_a_jump_that_the_slope_hides_ends_the_way_back():
    found = judged([0] + [0.4] * 6, 1, rows=20_000, threshold=0.1, luck=0.1)
    assert found.overall.high < 0.1  # from the smallest size on, too
    assert found.verdict == "saturates" and found.from_size == SIZES[1]


def test_the_way_back_does_not_end_at_one_lucky_pair_of_many():
    labels, models = scores_of([0] * 7, 6)
    sides = [auc_side(labels, one) for one in models]
    better = [compare_auc(labels, models[-1], one) for one in models[:-1]]
    assert any(one.difference > 0 and one.p_value < 0.05 for one in better)
    assert judge_saturation(SIZES, sides, threshold=0.1).from_size == SIZES[0]


def test_a_sure_gain_below_the_threshold_saturates():
    found = judged(np.linspace(0, 0.3, 7), 3, rows=20_000, threshold=0.1)
    assert found.slope.low > 0 and found.verdict == "saturates"
    falling = judged(np.linspace(0.6, 0, 7), 3, rows=20_000, luck=0.05)
    assert falling.verdict == "saturates" and "even falls" in falling.reason


def test_one_seed_a_size_tells_nothing():
    found = judged(np.linspace(0, 3, 7), 0, rows=5000, seeds=1)
    assert found.verdict == "not told apart" and "one seed" in found.reason


def test_the_last_decade_begins_at_a_size_that_is_a_tenth_within_the_tolerance_of_a_budget():
    labels, models = scores_of([0] * 5, 0, rows=100)
    sides = [auc_side(labels, one) for one in models]
    for first in (96_141, 103_741):
        found = judge_saturation([30_557, first, 302_601, 603_000, 996_217], sides, threshold=0.01)
        assert found.window == (first, 996_217)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ((0, 1), r"saturation needs at least 3 sizes; got \[.*\]. Train more sizes"),
        ((0, 2, 1, 3, 4, 5, 6), r"sizes in ascending order, no two of them equal; got .* Sort the curve by size"),
        ((0, 1, 1, 2), r"sizes in ascending order, no two of them equal; got .* of points of one size keep one"),
    ],
)
def test_too_few_sizes_and_sizes_out_of_order_are_refused(order, message):
    labels, models = scores_of([0] * 7, 0)
    sides = [auc_side(labels, one) for one in itertools.islice(models, len(order))]
    with pytest.raises(DataError, match=message):
        judge_saturation([SIZES[place] for place in order], sides, threshold=0.01)
