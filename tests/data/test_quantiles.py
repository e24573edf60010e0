"""Exact ranks of a long column, against sorting it."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.quantiles import find_ranks, sort_key_of, sort_keys
from tamis.data.readers.frame import FrameSource
from tamis.errors import ConfigError, DataError

WHOLE = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40)
FLOATS = st.lists(st.floats(allow_nan=False), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(values=st.one_of(WHOLE, FLOATS))
def test_sort_keys_sort_like_the_values(values):
    keys = sort_keys(pl.Series(values), where="time")
    order = np.argsort(keys, kind="stable")
    assert [values[i] for i in order] == sorted(values)
    for i in range(len(values) - 1):
        assert (keys[i] == keys[i + 1]) == (values[i] == values[i + 1])


@settings(deadline=None, max_examples=60)
@given(
    values=st.one_of(WHOLE, FLOATS, st.lists(st.integers(0, 5), min_size=1, max_size=40)),
    fractions=st.tuples(st.floats(0.01, 1), st.floats(0, 1)),
)
def test_the_value_at_each_rank_is_that_of_the_sorted_column(values, fractions):
    fractions = (fractions[0], min(1.0, sum(fractions)))
    ordered = np.sort(sort_keys(pl.Series(values), where="time"))
    expected = [
        int(ordered[rank]) if (rank := round(f * len(values))) < len(values) else int(ordered[-1]) + 1
        for f in fractions
    ]
    source = FrameSource(pl.DataFrame({"time": values}))
    if expected[0] == ordered[0]:
        with pytest.raises(DataError, match="no row is left to train"):
            find_ranks(source, "time", fractions)
    else:
        assert find_ranks(source, "time", fractions) == expected


def test_a_long_column_needs_no_more_than_its_passes():
    times = np.random.default_rng(0).integers(956_703_932, 1_046_454_590, 300_000)
    source = FrameSource(pl.DataFrame({"time": times}))
    passes = []
    read = source.chunks
    source.chunks = lambda columns=None: passes.append(columns) or read(columns)
    found = find_ranks(source, "time", (0.8, 0.9))
    ordered = np.sort(sort_keys(pl.Series(times), where="time"))
    assert found == [int(ordered[240_000]), int(ordered[270_000])]
    assert passes == [["time"]] * 3


def test_dates_and_datetimes_have_the_keys_of_their_moment():
    day = datetime.date(2003, 1, 31)
    moment = datetime.datetime(2003, 1, 31, tzinfo=datetime.UTC)
    expected = sort_keys(pl.Series([int(moment.timestamp()) * 1_000_000]), where="")
    for series in (
        pl.Series([day]),
        pl.Series([day]).cast(pl.Datetime("ms")),
        pl.Series([day]).cast(pl.Datetime("ns")),
    ):
        np.testing.assert_array_equal(sort_keys(series, where="time"), expected)


def test_an_iso_date_is_a_boundary_in_dates_and_in_seconds():
    keys = sort_keys(pl.Series(["2003-01-30T23:59:59", "2003-01-31"]).str.to_datetime(strict=False), where="")
    edge = sort_key_of("2003-01-31", pl.Datetime("us"), where="time")
    assert (keys >= edge).tolist() == [False, True]
    seconds = sort_keys(pl.Series([1_043_971_199, 1_043_971_200]), where="")
    assert (seconds >= sort_key_of("2003-01-31", pl.Int64(), where="time")).tolist() == [False, True]
    assert (seconds >= sort_key_of("2003-01-31T01:00:00+01:00", pl.Int32(), where="")).tolist() == [
        False,
        True,
    ]


def test_a_boundary_between_two_whole_numbers_divides_them():
    keys = sort_keys(pl.Series([2, 3]), where="")
    assert (keys >= sort_key_of(2.5, pl.Int64(), where="")).tolist() == [False, True]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (pl.Series([1, None]), "needs a time in every row; some are missing"),
        (pl.Series([1.0, float("nan")]), "needs a time in every row; some are missing"),
        (pl.Series(["2003"]), "needs numbers, dates or datetimes; got String"),
    ],
)
def test_times_that_cannot_be_ordered_are_refused(times, message):
    with pytest.raises(DataError, match=f"log: column 'time': splitting by time {message}"):
        sort_keys(times, where="log: column 'time'")


def test_a_boundary_of_the_wrong_kind_is_refused():
    with pytest.raises(ConfigError, match="must be a number or a date like .* got 'tomorrow'"):
        sort_key_of("tomorrow", pl.Int64(), where="time")
    with pytest.raises(ConfigError, match="holds dates; give the split boundary as a date .* got 7.0"):
        sort_key_of(7.0, pl.Date(), where="column 'time'")
