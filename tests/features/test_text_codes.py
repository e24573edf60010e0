"""With codes in place of texts everything comes out as it does with the texts themselves."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import DataError
from tamis.features import Encoders, Field, Kind, Schema, fit_encoders
from tamis.features.text_codes import CodeCounter, CodedTables, TextCodes

SCHEMA = Schema(
    fields=(
        Field(name="user", kind=Kind.CATEGORICAL),
        Field(name="item", kind=Kind.CATEGORICAL, min_count=2),
        Field(name="other", kind=Kind.CATEGORICAL, share="item", min_count=2),
        Field(name="again", kind=Kind.CATEGORICAL, column="item"),
        Field(name="zip", kind=Kind.CATEGORICAL),
        Field(name="score", kind=Kind.CATEGORICAL),
        Field(name="site", kind=Kind.SCENARIO),
        Field(name="hashed", kind=Kind.CATEGORICAL, column="item", encoder="hash", buckets=7),
        Field(name="tags", kind=Kind.MULTI_VALUED, share="item", min_count=2),
        Field(name="seen", kind=Kind.SEQUENCE, max_length=2),
        Field(name="count", kind=Kind.NUMERIC, encoder="log_bucket", min_count=2),
        Field(name="price", kind=Kind.NUMERIC, encoder="log_bucket"),
        Field(name="age", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=3, column="count"),
        Field(name="scale", kind=Kind.NUMERIC, column="price"),
        Field(name="picture", kind=Kind.VECTOR, width=1),
        Field(name="click", kind=Kind.LABEL),
        Field(name="group", kind=Kind.GROUP, column="user"),
        Field(name="when", kind=Kind.TIME),
        Field(name="weight", kind=Kind.WEIGHT),
        Field(name="unread", kind=Kind.IGNORED, column="zip"),
    )
)
WORDS = st.sampled_from(["", "a", "b", "Ä", "a much longer text than the others", "7"])
ROW = st.fixed_dictionaries(
    {
        "user": WORDS,
        "item": st.none() | WORDS,
        "other": st.none() | WORDS,
        "zip": st.none() | st.integers(-3, 3),
        "score": st.none() | st.sampled_from([1.0, 0.5, float("nan"), -0.0]),
        "site": st.sampled_from(["north", "south"]),
        "tags": st.none() | st.lists(WORDS, max_size=3),
        "seen": st.none() | st.lists(st.integers(0, 3), max_size=3),
        "count": st.none() | st.integers(-4, 9) | st.sampled_from([65_535, 65_536, 2**53 + 1, -(2**62)]),
        "price": st.none() | st.floats(-9, 1e6),
        "picture": st.none() | st.lists(st.floats(-1, 1), min_size=1, max_size=1),
        "click": st.integers(0, 1),
        "when": st.integers(0, 9),
        "weight": st.floats(0, 2),
    }
)
TYPES = {
    **dict.fromkeys(("user", "item", "other", "site"), pl.String),
    **dict.fromkeys(("zip", "count", "click", "when"), pl.Int64),
    **dict.fromkeys(("score", "price", "weight"), pl.Float64),
    "tags": pl.List(pl.String),
    "seen": pl.List(pl.Int64),
    "picture": pl.List(pl.Float64),
}


def assert_equal(one, other) -> None:
    """Two encoded chunks hold the same bits."""
    for name in ("ids", "dense", "labels"):
        assert list(getattr(one, name)) == list(getattr(other, name))
        for field, values in getattr(one, name).items():
            assert values.dtype == getattr(other, name)[field].dtype, field
            np.testing.assert_array_equal(values, getattr(other, name)[field], err_msg=field)
    for field, column in one.lists.items():
        np.testing.assert_array_equal(column.values, other.lists[field].values)
        np.testing.assert_array_equal(column.offsets, other.lists[field].offsets)
    for name in ("groups", "times", "weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.unseen == other.unseen


@settings(deadline=None, max_examples=60)
@given(train=st.lists(st.lists(ROW, min_size=1, max_size=8), min_size=1, max_size=3), later=st.lists(ROW, max_size=8))
def test_fitting_and_encoding_give_the_same_with_codes_and_with_texts(train, later):
    chunks = [pl.DataFrame(rows, schema=TYPES) for rows in train]
    new = pl.DataFrame(later, schema=TYPES)
    plain = fit_encoders(SCHEMA, chunks)

    codes = TextCodes(SCHEMA)
    met_before_training = codes.encode(new)  # a text of another split may come first
    coded = fit_encoders(SCHEMA, map(codes.encode, chunks), codes=codes)
    assert coded.fingerprint() == plain.fingerprint()
    tables = CodedTables(codes, coded.state.vocabularies)
    for chunk in chunks:
        assert_equal(coded.encode(codes.encode(chunk), coded=tables), plain.encode(chunk))
    assert_equal(coded.encode(met_before_training, coded=tables), plain.encode(new))


def test_a_text_met_after_the_tables_were_made_is_unknown():
    schema = Schema(fields=(Field(name="city", kind=Kind.CATEGORICAL),))
    codes = TextCodes(schema)
    encoders = fit_encoders(schema, [codes.encode(pl.DataFrame({"city": ["Rome"]}))], codes=codes)
    tables = CodedTables(codes, encoders.state.vocabularies)

    def ids(*cities: str | None) -> list[int]:
        frame = codes.encode(pl.DataFrame({"city": cities}, schema={"city": pl.String}))
        return encoders.encode(frame, labels=False, coded=tables).ids["city"].tolist()

    assert ids("Rome", None) == [2, 1]
    assert ids("Oslo", "Rome", "Bonn") == [1, 2, 1]


def test_a_column_read_by_another_field_too_stays_beside_its_codes():
    schema = Schema(
        fields=(
            Field(name="user", kind=Kind.CATEGORICAL),
            Field(name="item", kind=Kind.CATEGORICAL),
            Field(name="group", kind=Kind.GROUP, column="user"),
        )
    )
    frame = TextCodes(schema).encode(pl.DataFrame({"user": ["u"], "item": ["i"], "more": [1]}))
    assert [name for name in frame.columns if not name.startswith("\0")] == ["user", "more"]
    assert frame.width == 4


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"town": ["Rome"]}), r"categorical field 'city' reads a column that is missing: 'city'\."),
        (pl.DataFrame({"city": [["Rome"]]}), r"categorical field 'city' needs one text or number in each row; got L"),
    ],
)
def test_what_texts_are_refused_for_codes_are_too(frame, message):
    schema = Schema(fields=(Field(name="city", kind=Kind.CATEGORICAL),))
    with pytest.raises(DataError, match=message):
        fit_encoders(schema, [frame])
    with pytest.raises(DataError, match=message):
        TextCodes(schema).encode(frame)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 5_000), max_size=20), max_size=5))
def test_codes_are_counted_like_a_loop_counts(chunks):
    counter = CodeCounter()
    for chunk in chunks:
        counter.add(np.array(chunk, dtype=np.uint32))
    everything = [code for chunk in chunks for code in chunk]
    wanted = np.array([0, 1, 1_023, 1_024, 5_000, 9_999])
    assert counter.of(wanted).tolist() == [everything.count(code) for code in wanted.tolist()]
    assert counter.missing == everything.count(0)


def test_every_code_of_a_long_column_stands_for_one_text():
    names = [f"user {number % 30_000}" for number in range(100_000)]
    schema = Schema(fields=(Field(name="user", kind=Kind.CATEGORICAL),))
    codes = TextCodes(schema)
    frame = pl.DataFrame({"user": names})
    coded = [codes.take(codes.encode(chunk), schema.fields[0]) for chunk in frame.iter_slices(7_001)]
    known, texts = codes.content("user")
    by_code = dict(zip(known.tolist(), texts.to_list(), strict=True))
    assert len(by_code) == 30_000
    assert [by_code[code] for code in np.concatenate(coded).tolist()] == names
    assert isinstance(fit_encoders(schema, [codes.encode(frame)], codes=codes), Encoders)
