"""The last rows of each group, against a loop over the rows."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data import last_rows
from tamis.data.last_rows import leave_last_rows
from tamis.data.readers.frame import FrameSource
from tamis.errors import DataError


def by_loop(users, times, last):
    rows_of = {}
    for row, user in enumerate(users):
        rows_of.setdefault(user, []).append(row)
    valid, test = [], []
    for rows in rows_of.values():
        rows.sort(key=lambda row: (times[row], row))
        test += rows[-last:]
        valid += rows[:-last][-last:]
    return sorted(valid), sorted(test)


@settings(deadline=None, max_examples=60)
@given(
    log=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=40),
    last=st.integers(1, 3),
    fold=st.integers(1, 50),
)
def test_rows_are_those_of_the_loop_whatever_is_folded_at_once(log, last, fold):
    users, times = map(list, zip(*log, strict=True))
    source = FrameSource(pl.DataFrame({"user": [f"u{user}" for user in users], "time": times}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_rows, "_FOLD_ROWS", fold)
        valid, test = leave_last_rows(source, group="user", time="time", last=last)
    assert (valid.tolist(), test.tolist()) == by_loop(users, times, last)


@pytest.mark.parametrize(("column", "role"), [("user", "group"), ("time", "time")])
def test_a_missing_group_or_time_is_refused(column, role):
    frame = pl.DataFrame({"user": [1, 2], "time": [1, 2]}).with_columns(pl.Series(column, [1, None]))
    with pytest.raises(DataError, match=f"column '{column}': leave_last needs a {role} in every row"):
        leave_last_rows(FrameSource(frame), group="user", time="time", last=1)
