"""The difference of two AUCs and its variance are DeLong's, and what drawing other rows gives."""

import doctest

import numpy as np
import pytest


def scores_of(labels, random, *, lead, ties=False):
    scores = random.normal(size=len(labels)) + lead * labels
    return np.round(scores, 1) if ties else scores


def share_won(positive, negative):
    return 1.0 if positive > negative else 0.5 if positive == negative else 0.0


def naive(labels, one, other):
    positives, negatives = np.flatnonzero(labels), np.flatnonzero(~labels)
    gaps = np.array([[share_won(one[p], one[n]) - share_won(other[p], other[n]) for n in negatives] for p in positives])
    by_positive, by_negative = gaps.mean(axis=1), gaps.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(positives) + by_negative.var(ddof=1) / len(negatives)
    return gaps.mean(), variance


@pytest.mark.parametrize("ties", [False, True])
def test_difference_and_variance_are_those_of_all_pairs(ties):
    from paired_auc import auc_difference

    random = np.random.default_rng(0)
    labels = random.random(60) < 0.3
    one, other = (scores_of(labels, random, lead=lead, ties=ties) for lead in (1.0, 0.7))
    assert auc_difference(labels, one, other) == pytest.approx(naive(labels, one, other))


def test_the_variance_is_that_of_other_rows():
    from paired_auc import auc_difference

    random = np.random.default_rng(1)
    found = []
    for _ in range(400):
        labels = random.random(500) < 0.3
        shared = random.normal(size=500)
        one, other = (shared + scores_of(labels, random, lead=lead) for lead in (1.0, 0.8))
        found.append(auc_difference(labels, one, other))
    differences, variances = np.array(found).T
    assert np.mean(variances) == pytest.approx(differences.var(ddof=1), rel=0.2)


def test_swapping_the_scores_turns_the_sign_and_keeps_the_variance():
    from paired_auc import auc_difference

    random = np.random.default_rng(2)
    labels = random.random(100) < 0.5
    one, other = (scores_of(labels, random, lead=lead) for lead in (1.0, 0.5))
    difference, variance = auc_difference(labels, one, other)
    assert auc_difference(labels, other, one) == pytest.approx((-difference, variance))


def test_the_example_runs():
    import paired_auc

    assert doctest.testmod(paired_auc) == (0, 3)
