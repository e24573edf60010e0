"""Reading columns: what is one value, and what is refused with which words."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import DataError
from tamis.features import Field, Kind
from tamis.features.columns import read_lists, read_numbers, read_texts, read_vectors, take_column

CITY = Field(name="city", kind=Kind.CATEGORICAL)
PRICE = Field(name="price", kind=Kind.NUMERIC)
LENIENT_PRICE = Field(name="price", kind=Kind.NUMERIC, not_finite="missing")
TAGS = Field(name="tags", kind=Kind.MULTI_VALUED)
HISTORY = Field(name="history", kind=Kind.SEQUENCE)
IMAGE = Field(name="image", kind=Kind.VECTOR)
NAN, INFINITY = float("nan"), float("inf")


def test_a_missing_column_is_named_with_what_is_there_and_the_nearest():
    frame = pl.DataFrame({"citi": ["a"], "price": [1]})
    with pytest.raises(DataError) as caught:
        take_column(frame, CITY)
    assert str(caught.value) == (
        "categorical field 'city' reads a column that is missing: 'city'. Columns there are: citi, price. "
        "Did you mean 'citi'? Add the column, or set the field's `column`."
    )


def test_a_wide_frame_is_not_listed_to_its_end():
    frame = pl.DataFrame({f"column_{i}": [0] for i in range(100)})
    with pytest.raises(DataError, match=r"column_18, column_19 and 80 more\. Add the column"):
        take_column(frame, Field(name="zzz", kind=Kind.CATEGORICAL))


@pytest.mark.parametrize(
    ("values", "dtype", "texts"),
    [
        (["12", "x", None, ""], pl.String, ["12", "x", None, ""]),
        ([12, None, -3], pl.Int64, ["12", None, "-3"]),
        ([12, 200], pl.UInt8, ["12", "200"]),
        ([12.0, None, NAN, -3.0, 0.5, -0.0], pl.Float64, ["12", None, None, "-3", "0.5", "0"]),
        ([2.0**53, -(2.0**60)], pl.Float64, ["9007199254740992", "-1152921504606846976"]),
        ([True, None, False], pl.Boolean, ["true", None, "false"]),
        (["b", "a", None], pl.Categorical, ["b", "a", None]),
        ([datetime.date(2024, 2, 29)], pl.Date, ["2024-02-29"]),
        ([None, None], pl.Null, [None, None]),
    ],
)
def test_one_value_has_one_text_in_every_type(values, dtype, texts):
    assert read_texts(pl.Series("city", values, dtype=dtype), CITY).to_list() == texts


def test_a_list_where_one_value_belongs_is_refused():
    with pytest.raises(DataError, match=r"'city' needs one text or number in each row; got List\(Int64\).*'sequence'"):
        read_texts(pl.Series("city", [[1]]), CITY)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1.0, 2.0, None], pl.Float32),
        ([1, 2, None], pl.Int8),
        ([True, 2 > 3, None], pl.Boolean),
        (["1", " 2.0 ", None], pl.String),
    ],
)
def test_numbers_are_read_from_every_type(values, dtype):
    expected = [1.0, 0.0 if dtype == pl.Boolean else 2.0, NAN]
    np.testing.assert_array_equal(read_numbers(pl.Series("price", values, dtype=dtype), PRICE), expected)


def test_a_column_of_nulls_is_all_missing():
    assert np.isnan(read_numbers(pl.Series("price", [None, None]), PRICE)).all()


def test_text_in_a_numeric_field_is_named():
    with pytest.raises(DataError) as caught:
        read_numbers(pl.Series("price", ["1", "cheap", "free"]), PRICE)
    assert str(caught.value) == (
        "numeric field 'price' needs numbers; column 'price' holds the text 'cheap'. "
        "Make the field 'categorical', or leave the value empty where it is missing."
    )


def test_dates_in_a_numeric_field_are_refused():
    with pytest.raises(DataError, match="needs numbers; column 'price' is Date. Change the field's kind"):
        read_numbers(pl.Series("price", [datetime.date(2024, 1, 1)]), PRICE)


@pytest.mark.parametrize(("value", "shown"), [(NAN, "nan"), (INFINITY, "inf"), (-INFINITY, "-inf")])
@pytest.mark.parametrize("as_text", [False, True])
def test_numbers_that_are_not_finite_are_an_error_or_missing(value, shown, as_text):
    column = pl.Series("price", [1.0, None, value, 2.0])
    column = column.cast(pl.String) if as_text else column
    with pytest.raises(DataError, match=f"'price' must hold finite numbers; column 'price' holds {shown}. Clean"):
        read_numbers(column, PRICE)
    with pytest.raises(DataError, match="set not_finite = 'missing'"):
        read_numbers(column, PRICE)
    np.testing.assert_array_equal(read_numbers(column, LENIENT_PRICE), [1.0, NAN, NAN, 2.0])


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("tags", [["a", "b"], [], None, ["c"], [None, "d"]]),
        pl.Series("tags", ["a|b", "", None, "c", "|d"]),
    ],
)
def test_lists_become_values_and_offsets(column):
    field = Field(name="tags", kind=Kind.MULTI_VALUED, separator="|")
    texts, offsets = read_lists(column, field, max_length=None)
    assert texts.to_list() == ["a", "b", "c", "d"]
    assert offsets.tolist() == [0, 2, 2, 2, 3, 4]


def test_long_lists_are_cut_at_the_end_that_matters_less():
    column = pl.Series("x", [[1, 2, 3], [4], []])
    assert read_lists(column, TAGS, max_length=2)[0].to_list() == ["1", "2", "4"]
    texts, offsets = read_lists(column, HISTORY, max_length=2)
    assert texts.to_list() == ["2", "3", "4"]
    assert offsets.tolist() == [0, 2, 3, 3]


def test_nulls_do_not_count_towards_the_length():
    column = pl.Series("x", [["a", None, "b"], [None, None, None]])
    assert read_lists(column, HISTORY, max_length=2)[0].to_list() == ["a", "b"]


@pytest.mark.parametrize("column", [pl.Series("x", [], dtype=pl.List(pl.Int64)), pl.Series("x", [None, None])])
def test_no_list_at_all_has_no_values(column):
    texts, offsets = read_lists(column, TAGS, max_length=3)
    assert (len(texts), offsets.tolist()) == (0, [0] * (len(column) + 1))


def test_single_numbers_under_a_separator_are_lists_of_one():
    field = Field(name="tags", kind=Kind.MULTI_VALUED, separator="|")
    texts, offsets = read_lists(pl.Series("tags", [3, None, 4]), field, max_length=None)
    assert (texts.to_list(), offsets.tolist()) == (["3", "4"], [0, 1, 1, 2])


def test_text_without_a_separator_is_refused():
    with pytest.raises(DataError, match="'tags' needs a list in each row; column 'tags' is String. Set .*`separator`"):
        read_lists(pl.Series("tags", ["a b"]), TAGS, max_length=None)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("image", [[1.0, 2.0], None, [3.0, 4.0]]),
        pl.Series("image", [[1, 2], None, [3, 4]]),
        pl.Series("image", [[1.0, 2.0], None, [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)),
        pl.Series("image", ["1.0 2.0", None, "3 4"]),
    ],
)
def test_vectors_are_read_from_every_type_and_missing_ones_are_zero(column):
    field = Field(name="image", kind=Kind.VECTOR, separator=" ")
    vectors = read_vectors(column, field, width=2)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]


def test_a_vector_of_another_width_is_refused():
    with pytest.raises(DataError) as caught:
        read_vectors(pl.Series("image", [[1.0, 2.0], [3.0]]), IMAGE, width=2)
    assert str(caught.value) == (
        "vector field 'image' must hold 2 numbers in each row; column 'image' holds a vector of 1. "
        "Correct the rows, or set the field's `width`."
    )


def test_a_vector_with_nan_is_an_error_or_zero_there():
    column = pl.Series("image", [[1.0, NAN]])
    with pytest.raises(DataError, match="vector field 'image' must hold finite numbers; column 'image' holds nan"):
        read_vectors(column, IMAGE, width=2)
    lenient = Field(name="image", kind=Kind.VECTOR, not_finite="missing")
    assert read_vectors(column, lenient, width=2).tolist() == [[1.0, 0.0]]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(width=32), st.integers(-50, 50).map(float)), max_size=6))
@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64])
def test_a_float_is_its_whole_number_or_the_text_of_polars(dtype, values):
    column = pl.Series("city", values, dtype=dtype)
    expected = []
    for value, text in zip(column.to_list(), column.cast(pl.String).to_list(), strict=True):
        if value is None or value != value:
            expected.append(None)
        else:
            is_whole = abs(value) < 2.0**63 and value == int(value)
            expected.append(str(int(value)) if is_whole else text)
    texts = read_texts(column, CITY)
    assert texts.to_list() == expected
    assert (texts.name, texts.dtype) == ("city", pl.String)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), st.sampled_from("ab")), max_size=4)), max_size=5),
    st.integers(1, 5),
    st.sampled_from([TAGS, HISTORY]),
)
def test_lists_are_cut_and_flattened_as_python_does_it(rows, max_length, field):
    known = [[value for value in row or [] if value is not None] for row in rows]
    cut = [row[-max_length:] if field is HISTORY else row[:max_length] for row in known]
    texts, offsets = read_lists(pl.Series("x", rows, dtype=pl.List(pl.String)), field, max_length=max_length)
    assert texts.to_list() == [value for row in cut for value in row]
    assert offsets.tolist() == [sum(map(len, cut[:end])) for end in range(len(cut) + 1)]
