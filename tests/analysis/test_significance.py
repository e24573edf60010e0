import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import t as student_t
from sklearn.metrics import roc_auc_score

from tamis.analysis import auc_side, bootstrap_aucs, compare_auc, holm, weigh_auc, weigh_values
from tamis.errors import DataError


def draw(rows, *, generator, signal=1.0, noise=0.7, seeds=3):
    """Labels, and two models' scores: the same signal, noise of their own, so no real difference."""
    labels = generator.random(rows) < 0.3
    truth = labels * signal + generator.normal(size=rows)
    shared = [truth + noise * generator.normal(size=rows) for _ in range(2)]
    return labels, *(side + 0.3 * generator.normal(size=(seeds, rows)) for side in shared)


def delong_by_pairs(labels, one, other):
    """DeLong's variance from the matrix of all pairs, for one score a side."""
    sides = []
    for scores in (one, other):
        wins = np.array([[1.0 * (p > n) + 0.5 * (p == n) for n in scores[~labels]] for p in scores[labels]])
        sides.append((wins.mean(axis=1), wins.mean(axis=0)))
    variance = 0.0
    for kind in (0, 1):
        table = np.cov(sides[0][kind], sides[1][kind])
        variance += (table[0, 0] + table[1, 1] - 2 * table[0, 1]) / len(sides[0][kind])
    return variance


def test_the_variance_by_rows_is_delongs():
    generator = np.random.default_rng(0)
    labels, one, other = draw(80, generator=generator, seeds=1)
    one, other = np.round(one[0], 1), np.round(other[0], 1)  # with ties
    result = compare_auc(labels, one, other)
    assert result.difference == pytest.approx(roc_auc_score(labels, one) - roc_auc_score(labels, other), abs=1e-12)
    assert result.rows_error == pytest.approx(math.sqrt(delong_by_pairs(labels, one, other)), rel=1e-9)
    assert result.seeds_error is None


def test_the_difference_is_that_of_the_means_over_seeds():
    labels, one, other = draw(300, generator=np.random.default_rng(1))
    values = [[roc_auc_score(labels, scores) for scores in side] for side in (one, other)]
    result = compare_auc(labels, one, other[:2])
    assert result.difference == pytest.approx(np.mean(values[0]) - np.mean(values[1][:2]), abs=1e-12)
    expected = np.var(values[0], ddof=1) / 3 + np.var(values[1][:2], ddof=1) / 2
    assert result.seeds_error == pytest.approx(math.sqrt(expected), rel=1e-9)
    assert result.low < result.difference < result.high


def test_a_single_seed_borrows_the_variance_of_the_others():
    labels, one, other = draw(300, generator=np.random.default_rng(7))
    variance = np.var([roc_auc_score(labels, scores) for scores in one], ddof=1)
    result = compare_auc(labels, one, other[:1])
    assert result.seeds_error == pytest.approx(math.sqrt(variance / 3 + variance), rel=1e-9)


def test_the_interval_of_a_few_seeds_is_welchs():
    values = [[0.70, 0.72, 0.77], [0.60, 0.61, 0.62]]
    result = weigh_values(values, (1.0, -1.0))
    # By hand: variances of 0.0013 and 0.0001 over 3 seeds each, (13 + 1)^2 / (13^2 / 2 + 1^2 / 2) degrees of freedom.
    freedom = 196 / 85
    error, reach = math.sqrt(0.0014 / 3), math.sqrt(0.0014 / 3) * student_t.ppf(0.975, freedom)
    assert result is not None
    assert (result.difference, result.seeds_error) == (pytest.approx(0.12), pytest.approx(error))
    assert (result.low, result.high) == pytest.approx((0.12 - reach, 0.12 + reach), abs=1e-6)
    assert result.p_value == pytest.approx(2 * student_t.sf(0.12 / error, freedom), abs=1e-6)
    assert result.rows_error is None


def test_one_seed_each_says_nothing_of_values_without_rows():
    assert weigh_values([[0.7], [0.6]], (1.0, -1.0)) is None


def test_a_borrowed_variance_counts_as_one_however_many_borrow_it():
    values = [[0.70, 0.72], *[[0.7]] * 6]
    weights = (1.0, *[-1 / 6] * 6)
    result = weigh_values(values, weights)
    # There is one degree of freedom in all.
    error = math.sqrt(0.0002 * (1 / 2 + 1 / 6))
    assert result is not None
    assert result.seeds_error == pytest.approx(error)
    assert result.high - result.difference == pytest.approx(error * student_t.ppf(0.975, 1), rel=1e-4)


def test_a_borrowed_variance_is_known_no_better_than_those_it_is_borrowed_from():
    result = weigh_values([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0], [3.0]], (1.0, 1.0, -1.0))
    # Variances of 1, 0, and half of their sum: all that is not known is the first, which two degrees of freedom tell.
    error = math.sqrt(1 / 3 + 1 / 2)
    assert result is not None
    assert (result.difference, result.seeds_error) == (pytest.approx(3.0), pytest.approx(error))
    assert result.high - result.difference == pytest.approx(error * student_t.ppf(0.975, 2), rel=1e-4)


def test_sides_of_one_seed_do_not_raise_false_alarms():
    """Of five sides without a difference, the two lone ones as scattered as the others in the mean."""
    generator, runs = np.random.default_rng(8), 2000
    seeds, weights = (3, 3, 3, 1, 1), (1.0, 1.0, 1.0, -1.5, -1.5)
    scatter = np.sqrt([1.0, 0.1, 0.1, 0.4, 0.4])
    alarms = 0
    for _ in range(runs):
        values = [of * generator.normal(size=number) for of, number in zip(scatter, seeds, strict=True)]
        result = weigh_values(values, weights)
        alarms += result is not None and result.p_value < 0.05
    # As if what is borrowed were known apart from the rest, they were 0.09; 0.065 is three errors above the level.
    assert alarms / runs <= 0.065


def test_of_many_equal_models_of_three_seeds_seldom_any_is_told_apart():
    """With the degrees of freedom of the whole error, which grow where seeds agree by luck, it is not seldom."""
    generator = np.random.default_rng(4)
    alarms, naive_alarms, models, rows, runs = 0, 0, 12, 300, 100
    for _ in range(runs):
        labels = np.arange(rows) < rows // 3
        sides = []
        for _model in range(models):
            noise, strengths = generator.normal(size=rows), 1.5 + 0.4 * generator.normal(size=(3, 1))
            sides.append(auc_side(labels, strengths * labels + noise))
        found = [weigh_auc(pair, (1.0, -1.0)) for pair in combinations(sides, 2)]
        naive = [welch_satterthwaite(pair, one) for pair, one in zip(combinations(sides, 2), found, strict=True)]
        alarms += min(holm([one.p_value for one in found])) < 0.05
        naive_alarms += min(holm(naive)) < 0.05
    assert alarms <= 5, "the level is 0.05"
    assert naive_alarms >= 6


def welch_satterthwaite(pair, found):
    parts = [np.var(side.values, ddof=1) / 3 for side in pair]
    variance = found.rows_error**2 + sum(parts)
    freedom = variance**2 / sum(part**2 / 2 for part in parts)
    return 2 * student_t.sf(abs(found.difference) / math.sqrt(variance), freedom)


def test_two_equal_models_are_told_apart_about_as_often_as_the_level_says():
    generator = np.random.default_rng(2)
    compared = [compare_auc(*draw(400, generator=generator)) for _ in range(400)]
    alarms = sum(result.p_value < 0.05 for result in compared)
    # 20 are expected; beyond these ends a test of level 0.05 comes in 1 of 1,000 such counts.
    assert 8 <= alarms <= 36
    assert sum(not result.low <= 0 <= result.high for result in compared) == alarms


def test_a_real_difference_is_found():
    generator = np.random.default_rng(3)
    found = 0
    for _ in range(40):
        labels, one, other = draw(2000, generator=generator, noise=0.2)
        found += compare_auc(labels, one + 0.6 * labels, other).p_value < 0.05
    assert found >= 38


@pytest.mark.parametrize("digits", [15, 0])  # rounded, rows of both classes are level
def test_the_bootstrap_agrees_with_delong_and_with_plain_resampling(digits):
    generator = np.random.default_rng(5)
    labels, *sides = draw(600, generator=generator)
    one, other = (np.round(side, digits) for side in sides)
    drawn = bootstrap_aucs(labels, [one, other], draws=2000, seed=1)
    assert (drawn[0] - drawn[1]).std() == pytest.approx(compare_auc(labels, one, other).rows_error, rel=0.08)
    # The first draw by hand.
    weights = np.random.default_rng(1).multinomial(600, np.full(600, 1 / 600), size=2000)[0]
    chosen = np.repeat(np.arange(600), weights)
    values = [np.mean([roc_auc_score(labels[chosen], scores[chosen]) for scores in side]) for side in (one, other)]
    assert drawn[:, 0] == pytest.approx(values, abs=1e-12)


def test_many_draws_are_those_of_small_parts(monkeypatch):
    labels, one, other = draw(50, generator=np.random.default_rng(6))
    whole = bootstrap_aucs(labels, [one, other], draws=40)
    monkeypatch.setattr("tamis.analysis.bootstrap._MOST_NUMBERS", 50 * 7)
    assert np.array_equal(bootstrap_aucs(labels, [one, other], draws=40), whole)


def test_holms_correction_on_the_textbook_case():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_cannot_be_compared_is_refused():
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.8, 0.2])
    with pytest.raises(DataError, match=r"scores must be \(seeds, rows\) with the 4 rows of the labels; got \(1, 3\)"):
        compare_auc(labels, scores, scores[:3])
    with pytest.raises(DataError, match="at least two rows of each class; got 1 of the rarer one"):
        compare_auc(np.array([1, 0, 0, 0]), scores, scores)
