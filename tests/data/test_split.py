"""Splits against loops, and their independence of chunks."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.config import read_config, write_config
from tamis.data.readers.frame import FrameSource
from tamis.data.split import NOWHERE, TEST, TRAIN, VALID, SplitSettings, make_splitter
from tamis.errors import ConfigError, DataError
from tamis.features.schema import Field, Kind, Schema

SCHEMA = Schema(
    fields=(
        Field(name="item", kind=Kind.CATEGORICAL),
        Field(name="group", kind=Kind.GROUP, column="user"),
        Field(name="time", kind=Kind.TIME, column="when"),
    )
)
BARE = Schema(fields=SCHEMA.fields[:1])
ALL_KINDS = (
    SplitSettings(fractions=(0.5, 0.3, 0.1), seed=3),
    SplitSettings(kind="time", fractions=(0.5, 0.2, 0.3)),
    SplitSettings(kind="time", valid_from=3, test_from=5),
    SplitSettings(kind="leave_last", last=2),
    SplitSettings(kind="column", column="part", train=(0, 1), test=(2,), valid_fraction=0.4),
)


def log_frame(rows, seed=0):
    generator = np.random.default_rng(seed)
    columns = ("user", 5), ("item", 9), ("when", 8), ("part", 4)
    return pl.DataFrame({name: generator.integers(0, top, rows) for name, top in columns})


def parts_of(split, frame, sizes=None, schema=SCHEMA):
    splitter = make_splitter(split)
    splitter.prepare(FrameSource(frame, name="log"), schema)
    chosen = frame.select(splitter.columns(schema) or ["item"])
    parts, first = [], 0
    for size in sizes or [len(frame)]:
        part = splitter.assign(chosen.slice(first, size), first)
        assert part.dtype == np.uint8
        parts.append(part)
        first += size
    return np.concatenate(parts)


@settings(deadline=None, max_examples=25)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8), seed=st.integers(0, 99))
@pytest.mark.parametrize("split", ALL_KINDS, ids=lambda split: split.kind)
def test_no_split_depends_on_chunks(split, sizes, seed):
    sizes = [9, *sizes]
    frame = log_frame(sum(sizes), seed)
    if split.kind == "time" and split.valid_from is None:
        # Pairs of rows at one instant: ties at the boundaries, and always an instant left to train.
        frame = frame.with_columns(pl.Series("when", np.arange(len(frame)) // 2))
    np.testing.assert_array_equal(parts_of(split, frame, sizes), parts_of(split, frame))


def test_random_parts_follow_the_draw_of_each_row():
    split = SplitSettings(fractions=(0.6, 0.2, 0.1), seed=5)
    draws = np.random.default_rng(5).random(1000)
    expected = [TRAIN if u < 0.6 else VALID if u < 0.8 else TEST if u < 0.9 else NOWHERE for u in draws]
    assert parts_of(split, log_frame(1000)).tolist() == expected


def test_fractions_that_sum_to_one_leave_no_row_out():
    parts = parts_of(SplitSettings(fractions=(0.7, 0.2, 0.1)), log_frame(50_000))
    assert NOWHERE not in parts
    np.testing.assert_allclose(np.bincount(parts) / 50_000, [0.7, 0.2, 0.1], atol=0.01)


def test_another_seed_is_another_split():
    frame = log_frame(1000)
    assert (parts_of(SplitSettings(seed=0), frame) != parts_of(SplitSettings(seed=1), frame)).any()


def test_time_parts_hold_whole_instants_and_the_fractions_of_the_sorted_rows():
    frame = log_frame(1000).with_columns(pl.Series("when", np.random.default_rng(1).integers(0, 50, 1000)))
    times = frame["when"].to_list()
    ordered = sorted(times)
    valid_from, test_from = ordered[800], ordered[900]
    expected = [TRAIN if t < valid_from else VALID if t < test_from else TEST for t in times]
    assert parts_of(SplitSettings(kind="time"), frame).tolist() == expected


def test_given_times_are_the_first_of_their_part():
    frame = pl.DataFrame({"item": range(5), "when": [1, 3, 4, 5, 9]})
    split = SplitSettings(kind="time", valid_from=3, test_from=5)
    assert parts_of(split, frame).tolist() == [TRAIN, VALID, VALID, TEST, TEST]


def test_given_dates_divide_datetimes():
    when = pl.Series("when", ["2003-01-30 23:59:59", "2003-01-31 00:00:00", "2003-02-28 10:00:00"]).str.to_datetime()
    split = SplitSettings(kind="time", valid_from="2003-01-31", test_from="2003-02-01")
    assert parts_of(split, pl.DataFrame([when, pl.Series("item", [1, 2, 3])])).tolist() == [
        TRAIN,
        VALID,
        TEST,
    ]


def test_leave_last_takes_the_latest_rows_of_each_group():
    frame = pl.DataFrame({"user": [1, 1, 1, 1, 2, 2, 3], "when": [4, 1, 9, 9, 7, 6, 0], "item": range(7)})
    expected = [TRAIN, TRAIN, VALID, TEST, TEST, VALID, TEST]
    assert parts_of(SplitSettings(kind="leave_last"), frame).tolist() == expected


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.Float64, pl.String])
def test_values_of_a_column_name_the_part_whatever_their_type(dtype):
    frame = pl.DataFrame({"item": range(5), "part": pl.Series([0, 1, 5, 7, None]).cast(pl.Int64).cast(dtype)})
    split = SplitSettings(kind="column", column="part", train=(0, 1), test=(5,))
    assert parts_of(split, frame).tolist() == [TRAIN, TRAIN, TEST, NOWHERE, NOWHERE]


def test_words_name_the_part_when_no_values_are_listed():
    frame = pl.DataFrame({"item": range(4), "part": ["test", "train", "valid", "other"]})
    assert parts_of(SplitSettings(kind="column", column="part"), frame).tolist() == [
        TEST,
        TRAIN,
        VALID,
        NOWHERE,
    ]


def test_validation_rows_are_drawn_from_the_training_rows_alone():
    frame = log_frame(1000)
    split = SplitSettings(kind="column", column="part", train=(0, 1, 2), test=(3,), valid_fraction=0.2, seed=4)
    draws = np.random.default_rng(4).random(1000)
    expected = [TEST if p == 3 else VALID if u < 0.2 else TRAIN for p, u in zip(frame["part"], draws, strict=True)]
    assert parts_of(split, frame).tolist() == expected


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (SplitSettings(), "random-8-1-1"),
        (SplitSettings(fractions=(0.7, 0.15, 0.15), seed=2), "random-70-15-15-seed-2"),
        (SplitSettings(fractions=(0.6, 0.2, 0.2)), "random-6-2-2"),
        (SplitSettings(kind="time"), "time-8-1-1"),
        (
            SplitSettings(kind="time", valid_from="2003-01-31", test_from="2003-02-28"),
            "time-20030131-20030228",
        ),
        (
            SplitSettings(kind="time", valid_from=878_000_000, test_from=880_000_000.5),
            "time-878000000-880000000.5",
        ),
        (SplitSettings(kind="leave_last"), "last-1"),
        (SplitSettings(kind="column", column="part"), "column-part"),
        (SplitSettings(kind="given"), "given"),
    ],
)
def test_a_split_has_a_short_name(split, expected):
    assert make_splitter(split).describe() == expected


def test_settings_survive_a_trip_through_toml():
    table = {"kind": "column", "column": "part", "train": [0, 1], "test": ["x"], "valid_fraction": 0.1}
    split = read_config(SplitSettings, table, where="[split]")
    assert split == SplitSettings(kind="column", column="part", train=(0, 1), test=("x",), valid_fraction=0.1)
    assert read_config(SplitSettings, write_config(split), where="[split]") == split


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "tme"}, r"split kind must be one of .* got 'tme'. Did you mean 'time'\?"),
        ({"fractions": (0.8, 0.1, 0.2)}, r"three shares .* sum to at most 1; got \[0.8, 0.1, 0.2\]"),
        ({"fractions": (0.0, 0.5, 0.5)}, r"train above 0"),
        ({"seed": -1}, "split seed must be at least 0; got -1"),
        ({"kind": "leave_last", "last": 0}, "split last must be at least 1; got 0"),
        (
            {"kind": "column", "column": "p", "valid_fraction": 1.0},
            "valid_fraction must be at least 0 and below 1; got 1",
        ),
        ({"column": "part"}, "split column belongs to kind 'column', not 'random'. Remove it."),
        ({"kind": "column"}, "needs `column`, the name of the column"),
        ({"kind": "column", "column": "p", "test": (5,)}, "needs `train`, the values whose rows train"),
        (
            {"kind": "column", "column": "p", "train": (1,), "test": ("1",)},
            "the value '1' stands in two parts",
        ),
        (
            {"kind": "column", "column": "p", "train": (1,), "valid": (2,), "valid_fraction": 0.1},
            "by `valid` or by `valid_fraction`, not by both",
        ),
        ({"valid_from": 3}, "belong to kind 'time', not 'random'"),
        ({"kind": "time", "valid_from": 3}, "needs both valid_from and test_from, or neither"),
        (
            {"kind": "time", "valid_from": 3, "test_from": "2003-01-01"},
            "must both be numbers or both be dates",
        ),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        SplitSettings(**settings)


@pytest.mark.parametrize(
    ("split", "role"),
    [(SplitSettings(kind="time"), "time"), (SplitSettings(kind="leave_last"), "group")],
)
def test_a_split_that_needs_a_field_asks_for_it(split, role):
    with pytest.raises(DataError, match=f"split kind '{split.kind}' needs a {role} field, and the schema has none"):
        parts_of(split, log_frame(5), schema=BARE)


@pytest.mark.parametrize(
    ("split", "column"),
    [
        (SplitSettings(kind="time"), "when"),
        (SplitSettings(kind="leave_last"), "when"),
        (SplitSettings(kind="column", column="prat"), "prat"),
    ],
)
def test_a_column_that_the_split_needs_and_the_source_lacks_is_named(split, column):
    with pytest.raises(DataError, match=f"log: has no column '{column}'"):
        parts_of(split, log_frame(5).drop("when"))


def test_boundaries_in_the_wrong_order_are_refused():
    with pytest.raises(ConfigError, match="valid_from must not lie after test_from; got 5 and 3"):
        parts_of(SplitSettings(kind="time", valid_from=5, test_from=3), log_frame(5))


def test_one_time_for_all_rows_cannot_be_split_by_fractions():
    with pytest.raises(DataError, match="the earliest 80% of the rows all have one time"):
        parts_of(SplitSettings(kind="time"), log_frame(10).with_columns(when=pl.lit(7)))


def test_one_source_cannot_be_split_as_given():
    with pytest.raises(DataError, match="log: split kind 'given' needs one source for each of .* got a single source"):
        parts_of(SplitSettings(kind="given"), log_frame(5))
