import numpy as np
import pytest

from tamis.errors import DataError
from tamis.metrics.scored_rows import RowStore, check_rows


@pytest.mark.parametrize(
    ("probabilities", "labels", "groups", "message"),
    [
        ([0.1, 1.5], [0, 1], None, r"from 0 to 1; row 1 holds 1\.5\. Are these logits\?"),
        ([0.1, -0.5], [0, 1], None, r"row 1 holds -0\.5"),
        ([np.nan, 0.5], [0, 1], None, "row 0 holds nan"),
        ([0.5, np.inf], [0, 1], None, "row 1 holds inf"),
        ([0.5, 0.5], [0, 2], None, "a label must be 0 or 1; row 1 holds 2"),
        ([0.5, 0.5], [np.nan, 1], None, "a label must be 0 or 1; row 0 holds nan"),
        ([0.5, 0.5], [1], None, "labels must have 2 rows like probabilities; got 1"),
        ([0.5], [1], [4, 5], "groups must have 1 rows like probabilities; got 2"),
        ([[0.5]], [1], None, r"probabilities must have one axis, the rows; got shape \(1, 1\)"),
        (["half"], [1], None, "probabilities must be numbers; got <U4"),
        ([0.5], ["yes"], None, "labels must be numbers; got <U3"),
        ([0.5], [1], [0.5], "groups must be whole numbers; got float64"),
    ],
)
def test_what_breaks_a_rule_is_named(probabilities, labels, groups, message):
    with pytest.raises(DataError, match=message):
        check_rows(probabilities, labels, groups)


def test_types_become_canonical():
    rows = check_rows(np.array([-0.0, 1], dtype=np.float32), np.array([True, False]), np.array([1, 2], np.uint8))
    assert (rows.probabilities.dtype, rows.labels.dtype) == (np.float32, np.bool_)
    assert rows.groups is not None and rows.groups.dtype == np.int64
    assert not np.signbit(rows.probabilities).any()
    assert check_rows(np.array([0.5], np.float16), [1]).probabilities.dtype == np.float32


def test_the_caller_may_reuse_its_arrays():
    buffer = np.array([0.5], dtype=np.float32)
    rows = check_rows(buffer, [1])
    buffer[0] = 0.75
    assert rows.probabilities.tolist() == [0.5]


def test_groups_are_given_for_all_rows_or_for_none():
    store = RowStore()
    store.add(check_rows([0.5], [1], [7]))
    with pytest.raises(DataError, match="groups must be given for all rows or for none"):
        store.add(check_rows([0.5], [1]))


def test_an_empty_batch_changes_nothing():
    store = RowStore()
    store.add(check_rows([], []))
    store.add(check_rows([0.5], [1], [7]))
    joined = store.join()
    assert len(store) == 1 and joined.groups is not None and joined.groups.tolist() == [7]
