"""Fitting and encoding together: ids, lists, dense columns, unseen values, and independence of the chunks."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import ConfigError, DataError
from tamis.features import DenseField, Encoders, Field, IdField, Kind, ListField, Schema, fit_encoders

CLICK = Field(name="click", kind=Kind.LABEL)
NAN = float("nan")


def fit(*fields: Field, frame: pl.DataFrame, **columns) -> Encoders:
    return fit_encoders(Schema(fields=fields), [frame.with_columns(**columns)])


def fit_one(values, dtype=None, *, name: str = "x", kind: Kind = Kind.CATEGORICAL, **settings) -> Encoders:
    frame = pl.DataFrame({name: pl.Series(values, dtype=dtype)})
    return fit(Field(name=name, kind=kind, **settings), frame=frame)


def ids_of(encoders: Encoders, values, dtype=None) -> list[int]:
    return encoders.encode(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}), labels=False).ids["x"].tolist()


def test_a_vocabulary_by_hand():
    encoders = fit_one(["b", "a", "b", None, "c", None, None])
    chunk = encoders.encode(pl.DataFrame({"x": ["a", "b", "c", None, "new", "new"]}))
    assert chunk.ids["x"].dtype == np.int32
    assert chunk.ids["x"].tolist() == [3, 2, 4, 5, 1, 1]
    assert chunk.unseen == {"x": 2}
    assert encoders.layout.tables == {"x": 6}
    assert encoders.layout.ids == (IdField(name="x", table="x"),)


@pytest.mark.parametrize(("missing", "expected"), [(2, [2, 3, 1]), (1, [2, 1, 1])])
def test_rare_values_and_rare_missing_are_unknown(missing, expected):
    encoders = fit_one(["a", "a", "a", "b", *[None] * missing], min_count=2)
    assert ids_of(encoders, ["a", None, "b"]) == expected


FORMS = [
    (["12", "7", "7", None], pl.String),
    ([12, 7, 7, None], pl.Int64),
    ([12, 7, 7, None], pl.UInt16),
    ([12.0, 7.0, 7.0, None], pl.Float64),
    ([12.0, 7.0, 7.0, NAN], pl.Float32),
    (["12", "7", "7", None], pl.Categorical),
]


@pytest.mark.parametrize("training", FORMS)
@pytest.mark.parametrize("scoring", FORMS)
def test_one_value_has_one_id_whatever_its_type(training, scoring):
    assert ids_of(fit_one(*training), *scoring) == [3, 2, 2, 4]


def test_hashed_ids_are_stable():
    # written down once; a change of these numbers would silently break every saved model
    encoders = fit_one(["a", None], encoder="hash", buckets=1_000_003)
    assert ids_of(encoders, ["a", "foobar", "", None]) == [439_232, 802_029, 225_409, 1_000_005]
    assert ids_of(encoders, [12]) == ids_of(encoders, ["12"])
    assert encoders.layout.tables == {"x": 1_000_006}


def test_a_hash_table_knows_every_value_but_not_a_missing_that_training_lacked():
    chunk = fit_one(["a"], encoder="hash", buckets=50).encode(pl.DataFrame({"x": ["z", None]}))
    assert chunk.unseen == {"x": 1}
    assert chunk.ids["x"][1] == 1


def test_log_buckets_are_a_vocabulary_of_buckets():
    encoders = fit_one([10, 11, 0, None, -1, 0, 10], kind=Kind.NUMERIC, encoder="log_bucket")
    # buckets 5, 5, 0, -, -1, 0, 5
    chunk = encoders.encode(pl.DataFrame({"x": [10.5, 0.3, -1.0, None, 1e6]}))
    assert chunk.ids["x"].tolist() == [2, 3, 4, 5, 1]
    assert chunk.unseen == {"x": 1}
    assert encoders.layout.tables == {"x": 6}


def test_quantile_buckets_of_a_column():
    encoders = fit_one([1, 2, 3, 4, None], kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=2)
    assert ids_of(encoders, [1, 2, 3, 9, None]) == [2, 2, 3, 3, 4]
    assert encoders.layout.tables == {"x": 5}


def test_a_numeric_column_is_standardised_after_the_logarithm():
    encoders = fit_one([0.0, math.e**2 - 1], kind=Kind.NUMERIC)
    chunk = encoders.encode(pl.DataFrame({"x": [0.0, math.e - 1, 1 - math.e, None]}))
    assert chunk.dense["x"].dtype == np.float32
    assert chunk.dense["x"].ravel().tolist() == pytest.approx([-1.0, 0.0, -2.0, 0.0])
    assert chunk.unseen == {"x": 1}
    assert encoders.layout.dense == (DenseField(name="x", width=1),)


def test_missing_numbers_have_a_column_of_their_own_if_training_met_them():
    encoders = fit_one([1.0, 3.0, None], kind=Kind.NUMERIC, encoder="standardise")
    chunk = encoders.encode(pl.DataFrame({"x": [5.0, None]}))
    assert chunk.dense["x"].tolist() == [[3.0, 0.0], [0.0, 1.0]]
    assert chunk.unseen == {"x": 0}
    assert encoders.layout.dense == (DenseField(name="x", width=2),)


def test_a_shared_table_counts_all_its_fields():
    item = Field(name="item", kind=Kind.CATEGORICAL)
    history = Field(name="history", kind=Kind.SEQUENCE, share="item", max_length=2)
    frame = pl.DataFrame({"item": ["a", "b"], "history": [["c", "c", "b"], ["b"]]})
    encoders = fit(item, history, frame=frame)
    # b 3 times, a and c once: the first c was cut away
    chunk = encoders.encode(pl.DataFrame({"item": ["a", "b", "z"], "history": [["z", "b", "c"], None, []]}))
    assert chunk.ids["item"].tolist() == [3, 2, 1]
    assert chunk.lists["history"].values.tolist() == [2, 4]
    assert chunk.lists["history"].offsets.tolist() == [0, 2, 2, 2]
    assert encoders.layout.tables == {"item": 5}
    assert encoders.layout.lists == (ListField(name="history", table="item", max_length=2, ordered=True),)


def test_lists_without_a_limit_are_cut_to_the_longest_of_training():
    encoders = fit_one([["a"], ["a", "b"]], kind=Kind.MULTI_VALUED)
    chunk = encoders.encode(pl.DataFrame({"x": [["b", "z", "a", "a"], ["a"]]}))
    assert chunk.lists["x"].values.tolist() == [3, 1, 2]
    assert chunk.unseen == {"x": 1}
    assert encoders.layout.lists == (ListField(name="x", table="x", max_length=2, ordered=False),)


def test_hashed_lists_and_single_values_agree():
    field = Field(name="x", kind=Kind.MULTI_VALUED, encoder="hash", buckets=1_000, share="t")
    other = Field(name="y", kind=Kind.CATEGORICAL, encoder="hash", buckets=1_000, share="t")
    frame = pl.DataFrame({"x": [["a", "b"], ["c"]], "y": ["c", "b"]})
    chunk = fit(field, other, frame=frame).encode(frame)
    assert chunk.lists["x"].values[[2, 1]].tolist() == chunk.ids["y"].tolist()


def test_the_width_of_a_vector_comes_from_the_first_row():
    encoders = fit_one([None, [1.0, 2.0, 3.0]], kind=Kind.VECTOR)
    assert encoders.layout.dense == (DenseField(name="x", width=3),)
    with pytest.raises(DataError, match="must hold 3 numbers in each row; column 'x' holds a vector of 2"):
        encoders.encode(pl.DataFrame({"x": [[1.0, 2.0]]}))


def test_a_vector_that_is_never_there_needs_a_width():
    with pytest.raises(DataError, match="vector field 'x' holds no number in any training row. Set its `width`"):
        fit_one([None, None], pl.List(pl.Float32), kind=Kind.VECTOR)
    assert fit_one([None], pl.List(pl.Float32), kind=Kind.VECTOR, width=4).layout.dense_width == 4


def test_fields_may_read_one_column_in_several_ways():
    fields = (
        Field(name="age", kind=Kind.NUMERIC, encoder="standardise"),
        Field(name="age_bucket", kind=Kind.NUMERIC, column="age", encoder="quantile_bucket", buckets=2),
        Field(name="age_id", kind=Kind.CATEGORICAL, column="age"),
    )
    frame = pl.DataFrame({"age": [1, 2, 3, 3]})
    chunk = fit(*fields, frame=frame).encode(frame)
    assert chunk.ids["age_bucket"].tolist() == [2, 2, 3, 3]
    assert chunk.ids["age_id"].tolist() == [3, 4, 2, 2]
    assert chunk.dense["age"].shape == (4, 1)


def whole_schema() -> Schema:
    return Schema(
        fields=(
            Field(name="price", kind=Kind.NUMERIC, not_finite="missing"),
            Field(name="user", kind=Kind.CATEGORICAL),
            Field(name="count", kind=Kind.NUMERIC, encoder="log_bucket"),
            Field(name="tags", kind=Kind.MULTI_VALUED, share="user"),
            Field(name="image", kind=Kind.VECTOR, width=2),
            Field(name="page", kind=Kind.SCENARIO),
            Field(name="size", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=3),
            CLICK,
            Field(name="buy", kind=Kind.LABEL, column="rating", at_least=4.0),
            Field(name="weight", kind=Kind.WEIGHT),
            Field(name="group", kind=Kind.GROUP, column="user"),
            Field(name="when", kind=Kind.TIME),
            Field(name="note", kind=Kind.IGNORED),
        )
    )


def whole_frame(rows: int, seed: int = 0) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 4, rows)
    return pl.DataFrame(
        {
            "price": np.where(generator.random(rows) < 0.1, np.nan, generator.lognormal(1, 2, rows)),
            "user": generator.integers(0, 30, rows),
            "count": pl.Series(generator.integers(-2, 500, rows)).set(pl.Series(generator.random(rows) < 0.2), None),
            "tags": [[str(value) for value in generator.integers(0, 40, length)] for length in lengths],
            "image": generator.normal(size=(rows, 2)),
            "page": generator.choice(["home", "search", "cart"], rows),
            "size": generator.integers(0, 9, rows),
            "click": generator.integers(0, 2, rows),
            "rating": generator.integers(1, 6, rows),
            "weight": generator.random(rows),
            "when": generator.integers(0, 10**9, rows),
        }
    )


def test_a_whole_row_has_its_layout():
    frame = whole_frame(50)
    encoders = fit_encoders(whole_schema(), [frame])
    layout, chunk = encoders.layout, encoders.encode(frame)
    assert layout.field_names == ("user", "count", "page", "size", "tags", "price", "image")
    assert (layout.tasks, layout.scenario) == (("click", "buy"), "page")
    assert list(layout.tables) == ["user", "count", "page", "size"]
    assert [field.width for field in layout.dense] == [2, 2]
    assert (list(chunk.ids), list(chunk.lists), list(chunk.dense)) == (
        ["user", "count", "page", "size"],
        ["tags"],
        ["price", "image"],
    )
    for name, ids in chunk.ids.items():
        assert ids.dtype == np.int32
        assert 1 <= ids.min() <= ids.max() < layout.tables[name]
    assert chunk.labels["buy"].tolist() == [float(rating >= 4) for rating in frame["rating"]]
    assert chunk.groups is not None
    assert chunk.groups.tolist() == frame["user"].to_list()
    assert chunk.times is not None
    assert chunk.times.tolist() == frame["when"].to_list()
    assert chunk.weights is not None
    np.testing.assert_array_equal(chunk.weights, frame["weight"].to_numpy().astype(np.float32))
    assert chunk.unseen == {"price": 0, "user": 0, "count": 0, "tags": 0, "page": 0, "size": 0}


def test_scoring_reads_the_features_only():
    frame = whole_frame(20)
    encoders = fit_encoders(whole_schema(), [frame])
    features = frame.select(encoders.schema.feature_columns)
    chunk = encoders.encode(features, labels=False)
    assert (chunk.labels, chunk.weights, chunk.groups, chunk.times) == ({}, None, None, None)
    for name, ids in encoders.encode(frame).ids.items():
        np.testing.assert_array_equal(chunk.ids[name], ids)


@pytest.mark.parametrize("kept", [["user", "price"], ["tags", "page"], ["image", "size", "count"]])
def test_encoders_of_some_features_give_the_same_ids_without_the_columns_of_the_others(kept, tmp_path):
    frame = whole_frame(50)
    whole = fit_encoders(whole_schema(), [frame])
    some = whole.only(kept)
    assert set(some.layout.field_names) == set(kept) and some.layout.tasks == ("click", "buy")
    assert some.layout.scenario == ("page" if "page" in kept else None)
    assert all(size == whole.layout.tables[name] for name, size in some.layout.tables.items())
    some.save(tmp_path)
    for encoders in (some, Encoders.load(tmp_path)):
        chunk = encoders.encode(frame.select(encoders.schema.feature_columns), labels=False)
        expected = whole.encode(frame)
        for part in ("ids", "dense"):
            for name, column in getattr(chunk, part).items():
                np.testing.assert_array_equal(column, getattr(expected, part)[name])
        for name, column in chunk.lists.items():
            np.testing.assert_array_equal(column.values, expected.lists[name].values)
        assert {*chunk.ids, *chunk.lists, *chunk.dense} == set(kept)


def test_a_list_whose_target_is_left_out_counts_all_its_values_alike():
    item = Field(name="item", kind=Kind.CATEGORICAL, share="items")
    seen = Field(name="seen", kind=Kind.SEQUENCE, share="items", target="item", separator="|")
    schema = Schema(fields=(item, seen, CLICK))
    assert [field.target for field in schema.only(["item", "seen"]).features] == [None, "item"]
    assert [field.target for field in schema.only(["seen"]).features] == [None]
    with pytest.raises(ConfigError, match=r"the schema has no feature 'itm'. Did you mean 'item'\?"):
        schema.only(["itm"])


@pytest.mark.parametrize("column", ["user", "rating", "weight", "when"])
def test_every_missing_column_is_named(column):
    frame = whole_frame(20)
    encoders = fit_encoders(whole_schema(), [frame])
    with pytest.raises(DataError, match=f"reads a column that is missing: '{column}'"):
        encoders.encode(frame.drop(column))


def test_fitting_names_a_missing_column():
    with pytest.raises(DataError, match="categorical field 'user' reads a column that is missing: 'user'"):
        fit_encoders(whole_schema(), [whole_frame(20).drop("user")])


@pytest.mark.parametrize("chunks", [[], [pl.DataFrame({"x": []}, schema={"x": pl.String})]])
def test_fitting_on_nothing_is_refused(chunks):
    schema = Schema(fields=(Field(name="x", kind=Kind.CATEGORICAL),))
    with pytest.raises(DataError, match="the training split has no rows"):
        fit_encoders(schema, chunks)


def test_numbers_too_large_to_square_are_refused():
    with pytest.raises(DataError, match=r"'x' with encoder 'standardise' takes numbers up to 1e\+150; got -1e\+200"):
        fit_one([1.0, -1e200], kind=Kind.NUMERIC, encoder="standardise")
    assert fit_one([1.0, -1e200], kind=Kind.NUMERIC).layout.dense_width == 1


def test_no_rows_encode_to_no_rows():
    frame = whole_frame(20)
    chunk = fit_encoders(whole_schema(), [frame]).encode(frame.clear())
    assert chunk.rows == 0
    assert all(len(ids) == 0 for ids in chunk.ids.values())
    assert chunk.lists["tags"].offsets.tolist() == [0]
    assert chunk.dense["image"].shape == (0, 2)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1_000), st.lists(st.integers(0, 60), max_size=5))
def test_neither_cuts_nor_order_change_what_is_fitted(seed, cuts):
    frame = whole_frame(60, seed)
    bounds = [0, *sorted(cuts), 60]
    parts = [frame[start:stop] for start, stop in zip(bounds, bounds[1:], strict=False)]
    whole = fit_encoders(whole_schema(), [frame])
    assert fit_encoders(whole_schema(), parts).fingerprint() == whole.fingerprint()
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    assert fit_encoders(whole_schema(), [shuffled]).fingerprint() == whole.fingerprint()


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1_000), st.integers(0, 60))
def test_rows_encode_the_same_alone_and_in_company(seed, cut):
    frame = whole_frame(60, seed)
    encoders = fit_encoders(whole_schema(), [whole_frame(60, seed + 1)])
    together, first, second = (encoders.encode(part) for part in (frame, frame[:cut], frame[cut:]))
    for part in ("ids", "dense", "labels"):
        for name, values in getattr(together, part).items():
            joined = np.concatenate([getattr(first, part)[name], getattr(second, part)[name]])
            np.testing.assert_array_equal(values, joined)
    values = np.concatenate([first.lists["tags"].values, second.lists["tags"].values])
    np.testing.assert_array_equal(together.lists["tags"].values, values)
    assert together.unseen == {name: first.unseen[name] + second.unseen[name] for name in together.unseen}


def test_many_rows_in_threads_encode_like_few():
    frame = whole_frame(10_000)
    encoders = fit_encoders(whole_schema(), [frame])
    together, few = encoders.encode(frame), encoders.encode(frame[:100])
    for name, ids in few.ids.items():
        np.testing.assert_array_equal(together.ids[name][:100], ids)


def test_an_error_in_a_thread_reaches_the_caller():
    encoders = fit_one(["a"] * 5_000)
    with pytest.raises(DataError, match="needs one text or number"):
        encoders.encode(pl.DataFrame({"x": [["a"]] * 5_000}))
