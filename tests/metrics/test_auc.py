import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tamis.metrics import AUC, auc

few_levels = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), st.booleans()), max_size=25)


def auc_by_pairs(rows) -> float:
    positives = [score for score, label in rows if label]
    negatives = [score for score, label in rows if not label]
    if not positives or not negatives:
        return math.nan
    won = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return won / (len(positives) * len(negatives))


def auc_of(probabilities, labels) -> float:
    metric = AUC()
    metric.update(probabilities, labels)
    return metric.compute()


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


@settings(deadline=None, max_examples=100)
@given(rows=few_levels)
def test_auc_counts_pairs_and_half_of_the_ties(rows):
    scores, labels = [score for score, _ in rows], [label for _, label in rows]
    assert same(auc_of(scores, labels), auc_by_pairs(rows))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [3, 100, 10**9])
def test_auc_equals_scikit_learn(dtype, levels):
    generator = np.random.default_rng(levels)
    scores = (generator.integers(0, levels, 20_000) / levels).astype(dtype)
    labels = generator.random(20_000) < 0.2 + 0.3 * scores
    assert auc_of(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("block_rows", [1, 2, 7])
@settings(deadline=None, max_examples=50)
@given(rows=few_levels)
def test_rows_counted_in_blocks_give_the_same_auc_wherever_a_tie_is_cut(block_rows, rows):
    scores, labels = [score for score, _ in rows], [label for _, label in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auc, "_BLOCK_ROWS", block_rows)
        assert same(auc_of(scores, labels), auc_by_pairs(rows))


def test_auc_worked_out_on_paper():
    # positives .35 and .8 against negatives .1 and .4: won, lost, won, won
    assert auc_of([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 3 / 4
    assert auc_of([0.5, 0.5, 0.5], [0, 1, 0]) == 0.5
    assert auc_of([0.9, 0.1], [0, 1]) == 0.0


@pytest.mark.parametrize("labels", [[], [0], [1, 1, 1]])
def test_auc_of_one_class_is_nan(labels):
    assert math.isnan(auc_of([0.5] * len(labels), labels))


@settings(deadline=None, max_examples=30)
@given(rows=st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=50))
def test_auc_is_unmoved_by_a_monotone_map(rows):
    scores, labels = np.array([score for score, _ in rows]) / 1000, [label for _, label in rows]
    logistic = 1 / (1 + np.exp(-6 * scores))
    assert same(auc_of(scores, labels), auc_of(scores**2, labels))
    assert same(auc_of(scores, labels), auc_of(logistic, labels))
    assert same(auc_of(scores, labels), 1 - auc_of(1 - scores, labels)) or auc_of(1 - scores, labels) == pytest.approx(
        1 - auc_of(scores, labels)
    )


@settings(deadline=None, max_examples=50)
@given(rows=few_levels, cut=st.integers(0, 25), seed=st.integers(0, 99))
def test_merged_shuffled_halves_equal_the_whole(rows, cut, seed):
    scores, labels = np.array([score for score, _ in rows]), np.array([label for _, label in rows], bool)
    order = np.random.default_rng(seed).permutation(len(rows))
    first, second = AUC(), AUC()
    first.update(scores[order[:cut]], labels[order[:cut]])
    second.update(scores[order[cut:]].astype(np.float32).astype(np.float64), labels[order[cut:]])
    first.merge(second)
    exact = np.where(np.isin(np.arange(len(rows)), order[cut:]), scores.astype(np.float32), scores)
    assert same(first.compute(), auc_of(exact, labels))


def test_float32_and_float64_rows_meet_without_change():
    metric = AUC()
    metric.update(np.array([0.5, 0.25], np.float32), [1, 0])
    metric.update(np.array([0.5, 0.75], np.float64), [0, 1])
    assert metric.compute() == auc_by_pairs([(0.5, True), (0.25, False), (0.5, False), (0.75, True)])


def test_pairs_beyond_32_bits_are_counted():
    scores = np.linspace(0, 1, 200_000, dtype=np.float32)
    assert auc_of(scores, scores > 0.5) == 1.0
