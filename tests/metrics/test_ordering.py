import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.metrics.ordering import sort_by_group, sort_by_probability
from tamis.metrics.scored_rows import check_rows

chances = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=60)
@given(rows=chances)
def test_rows_come_out_as_pythons_sort_puts_them(dtype, rows):
    scores, labels, _ = map(list, zip(*rows, strict=True))
    sorted_scores, sorted_labels = sort_by_probability(check_rows(np.array(scores, dtype), labels))
    assert list(zip(sorted_scores.tolist(), sorted_labels.tolist(), strict=True)) == sorted(
        (score, label) for score, label, _ in rows
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=60)
@given(rows=chances)
def test_groups_come_first_then_scores(dtype, rows):
    scores, labels, groups = map(list, zip(*rows, strict=True))
    codes, order, sorted_labels = sort_by_group(check_rows(np.array(scores, dtype), labels), np.array(groups))
    expected = sorted((group, score, label) for score, label, group in rows)
    assert codes.tolist() == [group for group, _, _ in expected]
    assert sorted_labels.tolist() == [label for _, _, label in expected]
    ranks = {score: rank for rank, score in enumerate(sorted(set(scores)))}
    ordered = {value: rank for rank, value in enumerate(sorted(set(order.tolist())))}
    assert [ordered[value] for value in order.tolist()] == [ranks[score] for _, score, _ in expected]


def test_the_largest_float_and_the_largest_group_do_not_meet():
    below_one = np.nextafter(np.float32(1), np.float32(0))
    rows = check_rows(np.array([1, below_one, 0], np.float32), [1, 1, 1])
    codes, order, labels = sort_by_group(rows, np.array([2**32 - 1, 2**32 - 1, 2**32 - 1]))
    assert codes.tolist() == [2**32 - 1] * 3
    assert order.view(np.uint64).astype(np.uint32).view(np.float32).tolist() == [0, below_one, 1]
    assert labels.all()
