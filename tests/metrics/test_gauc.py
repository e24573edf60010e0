import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tamis.errors import DataError
from tamis.metrics import GAUC

log_rows = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.booleans(), st.integers(-2, 4)), max_size=40)


def gauc_of(probabilities, labels, groups) -> dict[str, float]:
    metric = GAUC()
    metric.update(probabilities, labels, groups)
    return metric.compute()


def gauc_by_loops(probabilities, labels, groups) -> dict[str, float]:
    parts = []
    for group in sorted(set(groups)):
        inside = [(p, y) for p, y, g in zip(probabilities, labels, groups, strict=True) if g == group]
        positives = [p for p, y in inside if y]
        negatives = [p for p, y in inside if not y]
        if positives and negatives:
            won = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
            parts.append((won / (len(positives) * len(negatives)), len(inside), len(positives)))

    def mean(weights):
        return sum(part[0] * w for part, w in zip(parts, weights, strict=True)) / sum(weights) if parts else math.nan

    return {
        "gauc_impression": mean([part[1] for part in parts]),
        "gauc_user": mean([1 for _ in parts]),
        "gauc_positive": mean([part[2] for part in parts]),
        "groups_used": len(parts),
        "groups_total": len(set(groups)),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=100)
@given(rows=log_rows)
def test_gauc_equals_loops_over_groups_and_pairs(dtype, rows):
    scores = np.array([row[0] for row in rows], dtype)
    labels, groups = [row[1] for row in rows], [row[2] for row in rows]
    expected = gauc_by_loops(scores.tolist(), labels, groups)
    assert gauc_of(scores, labels, np.array(groups, np.int64)) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_gauc_worked_out_on_paper():
    # AUC 1 in group 1 (2 rows, 1 positive), 1/4 in group 2 (4 rows, 2 positives); group 3 has one class
    probabilities = [0.1, 0.9, 0.8, 0.6, 0.7, 0.2, 0.5, 0.5]
    labels = [0, 1, 0, 0, 1, 1, 1, 1]
    groups = [1, 1, 2, 2, 2, 2, 3, 3]
    assert gauc_of(probabilities, labels, groups) == {
        "gauc_impression": (2 * 1 + 4 * 0.25) / 6,
        "gauc_user": (1 + 0.25) / 2,
        "gauc_positive": (1 * 1 + 2 * 0.25) / 3,
        "groups_used": 2,
        "groups_total": 3,
    }


def test_gauc_of_many_groups_equals_scikit_learn_group_by_group():
    generator = np.random.default_rng(3)
    groups = generator.integers(0, 60, 3_000) * 2**40 - 2**44
    scores = generator.random(3_000)
    labels = generator.random(3_000) < scores
    kept = [g for g in np.unique(groups) if 0 < labels[groups == g].mean() < 1]
    aucs = [roc_auc_score(labels[groups == g], scores[groups == g]) for g in kept]
    result = gauc_of(scores, labels, groups)
    assert result["gauc_user"] == pytest.approx(np.mean(aucs), abs=1e-9)
    sizes = [np.sum(groups == g) for g in kept]
    assert result["gauc_impression"] == pytest.approx(np.average(aucs, weights=sizes), abs=1e-9)
    positives = [np.sum(labels[groups == g]) for g in kept]
    assert result["gauc_positive"] == pytest.approx(np.average(aucs, weights=positives), abs=1e-9)


def test_one_group_of_all_rows_is_plain_auc():
    generator = np.random.default_rng(0)
    scores = generator.random(500).round(2)
    labels = generator.random(500) < scores
    result = gauc_of(scores, labels, np.zeros(500, np.int64))
    for name in ("gauc_impression", "gauc_user", "gauc_positive"):
        assert result[name] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_groups_of_one_class_are_left_out_and_counted():
    result = gauc_of([0.5, 0.5], [0, 1], [1, 2])
    assert math.isnan(result["gauc_user"])
    assert (result["groups_used"], result["groups_total"]) == (0, 2)


@settings(deadline=None, max_examples=50)
@given(rows=log_rows, cut=st.integers(0, 40), seed=st.integers(0, 99))
def test_merged_shuffled_halves_equal_the_whole_to_the_last_bit(rows, cut, seed):
    scores, labels, groups = (np.array([row[i] for row in rows], t) for i, t in enumerate([float, bool, int]))
    order = np.random.default_rng(seed).permutation(len(rows))
    halves = []
    for part in (order[:cut], order[cut:]):
        metric = GAUC()
        metric.update(scores[part], labels[part], groups[part])
        halves.append(metric)
    halves[0].merge(halves[1])
    assert str(halves[0].compute()) == str(gauc_of(scores, labels, groups))


def test_gauc_without_groups_is_refused():
    with pytest.raises(DataError, match="GAUC needs the group of every row; got none"):
        GAUC().update([0.5], [1])
