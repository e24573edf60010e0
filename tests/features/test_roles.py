"""Labels, weights, groups and times: what is accepted, and what is refused with which words."""

import datetime

import numpy as np
import polars as pl
import pytest

from tamis.errors import DataError
from tamis.features import Field, Kind
from tamis.features.roles import read_groups, read_label, read_times, read_weights

CLICK = Field(name="click", kind=Kind.LABEL)
LIKED = Field(name="liked", kind=Kind.LABEL, column="click", at_least=4.0)
BOUGHT = Field(name="bought", kind=Kind.LABEL, column="click", positive="yes")
USER = Field(name="user", kind=Kind.GROUP)
WHEN = Field(name="when", kind=Kind.TIME)
WEIGHT = Field(name="weight", kind=Kind.WEIGHT)
NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize("values", [[0, 1], [0.0, 1.0], [False, True], ["0", "1"], ["0.0", " 1"]])
def test_zero_and_one_are_labels_in_every_type(values):
    label = read_label(pl.DataFrame({"click": values}), CLICK)
    assert label.dtype == np.float32
    assert label.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("values", "shown"), [([1, 2], "2"), ([0.5, 1.0], "0.5"), (["1", "yes"], "'yes'"), ([-1, 0], "-1")]
)
def test_another_label_is_refused(values, shown):
    with pytest.raises(DataError) as caught:
        read_label(pl.DataFrame({"click": values}), CLICK)
    assert str(caught.value) == (
        f"label 'click' must be 0 or 1; column 'click' holds {shown}. "
        "Set `at_least` for a score or `positive` for a word that stands for 1."
    )


@pytest.mark.parametrize("field", [CLICK, LIKED, BOUGHT])
@pytest.mark.parametrize("values", [[1, None, 0], [1.0, NAN, 0.0]])
def test_a_missing_label_is_refused(field, values):
    with pytest.raises(DataError, match=f"'{field.name}' must be known in every row; .* missing in 1 of 3 rows. Drop"):
        read_label(pl.DataFrame({"click": values}), field)


def test_a_label_that_is_a_list_is_refused():
    with pytest.raises(DataError, match=r"label 'click' must be 0 or 1; column 'click' is List\(Int64\)"):
        read_label(pl.DataFrame({"click": [[1]]}), CLICK)


@pytest.mark.parametrize("values", [[3, 4, 5], [3.9, 4.0, INFINITY], ["3", "4", "4.5"]])
def test_at_least_includes_its_border(values):
    assert read_label(pl.DataFrame({"click": values}), LIKED).tolist() == [0.0, 1.0, 1.0]


def test_at_least_needs_numbers():
    with pytest.raises(DataError, match="'liked' with at_least needs numbers; column 'click' holds 'good'.*`positive`"):
        read_label(pl.DataFrame({"click": ["5", "good"]}), LIKED)


def test_positive_compares_texts():
    assert read_label(pl.DataFrame({"click": ["yes", "no", "Yes"]}), BOUGHT).tolist() == [1.0, 0.0, 0.0]
    four = Field(name="four", kind=Kind.LABEL, column="click", positive="4")
    assert read_label(pl.DataFrame({"click": [4, 5]}), four).tolist() == [1.0, 0.0]
    assert read_label(pl.DataFrame({"click": [4.0, 5.0]}), four).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("values", [[0, 2], [0.0, 2.0], ["0", "2"]])
def test_weights_are_read_from_every_type(values):
    weights = read_weights(pl.DataFrame({"weight": values}), WEIGHT)
    assert weights.dtype == np.float32
    assert weights.tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1.0, -0.5], "-0.5"),
        ([1, -2], "-2"),
        ([1.0, NAN], "nan"),
        ([INFINITY], "inf"),
        ([1.0, None], "None"),
        (["1", "much"], "'much'"),
    ],
)
def test_a_weight_that_is_negative_or_not_finite_is_refused(values, shown):
    with pytest.raises(DataError) as caught:
        read_weights(pl.DataFrame({"weight": values}), WEIGHT)
    assert str(caught.value) == (
        f"weight 'weight' must be finite and not negative; column 'weight' holds {shown}. "
        "Correct these rows, or make the field 'ignored'."
    )


def test_a_weight_that_is_a_date_is_refused():
    with pytest.raises(DataError, match="weight 'weight' must be a number; column 'weight' is Date"):
        read_weights(pl.DataFrame({"weight": [datetime.date(2024, 1, 1)]}), WEIGHT)


def test_whole_groups_stay_raw():
    assert read_groups(pl.DataFrame({"user": [7, -2, 2**62]}), USER).tolist() == [7, -2, 2**62]
    assert read_groups(pl.DataFrame({"user": [7.0, 8.0]}), USER).tolist() == [7, 8]
    large = pl.DataFrame({"user": pl.Series([2**64 - 1, 5], dtype=pl.UInt64)})
    assert read_groups(large, USER).tolist() == [-1, 5]


def test_text_groups_are_the_published_hash():
    groups = read_groups(pl.DataFrame({"user": ["a", "foobar", "a"]}), USER)
    assert groups.dtype == np.int64
    expected = [0xAF63DC4C8601EC8C - 2**64, 0x85944171F73967E8 - 2**64]
    assert groups.tolist() == [*expected, expected[0]]


@pytest.mark.parametrize("values", [["a", None], [1, None], [1.0, NAN]])
def test_a_missing_group_is_refused(values):
    with pytest.raises(DataError, match="group 'user' must be known in every row; .* missing in 1 of 2 rows. Fill it"):
        read_groups(pl.DataFrame({"user": values}), USER)


@pytest.mark.parametrize(
    ("column", "seconds"),
    [
        (pl.Series([5, -7]), [5, -7]),
        (pl.Series([5.9, -0.5]), [5, -1]),
        (pl.Series([datetime.date(1970, 1, 2), datetime.date(1969, 12, 31)]), [86_400, -86_400]),
        *(
            (pl.Series([datetime.datetime(1970, 1, 1, 0, 1, 0, 999_000)], dtype=pl.Datetime(unit)), [60])
            for unit in ("ms", "us", "ns")
        ),
        (pl.Series([datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000)]), [-1]),
    ],
)
def test_times_are_seconds_rounded_down(column, seconds):
    times = read_times(pl.DataFrame({"when": column}), WHEN)
    assert times.dtype == np.int64
    assert times.tolist() == seconds


def test_times_with_a_zone_are_seconds_in_utc():
    local = pl.Series(["1970-01-01T01:00:00"]).str.to_datetime().dt.replace_time_zone("Europe/Paris")
    assert read_times(pl.DataFrame({"when": local}), WHEN).tolist() == [0]


def test_a_missing_time_is_refused():
    with pytest.raises(DataError, match="time 'when' must be known in every row; .* missing in 1 of 2 rows"):
        read_times(pl.DataFrame({"when": [1, None]}), WHEN)


@pytest.mark.parametrize(
    ("values", "shown"),
    [(["2024-01-01"], "String, first value '2024-01-01'"), ([INFINITY], "Float64, first value inf")],
)
def test_a_time_that_is_neither_date_nor_number_is_refused(values, shown):
    with pytest.raises(
        DataError, match=f"'when' must be a date or a finite number; column 'when' is {shown}. Parse it"
    ):
        read_times(pl.DataFrame({"when": values}), WHEN)
