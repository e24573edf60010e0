"""The rows of a planted log: always the same, in chunks of any size, in little memory."""

import tracemalloc

import numpy as np
import polars as pl
import pytest
import tomli_w

from tamis.config import write_config
from tamis.data.readers import open_source
from tamis.data.readers.planted import (
    ColdIds,
    PlantedField,
    PlantedInteraction,
    PlantedSettings,
    PlantedSource,
    planted_schema,
)
from tamis.errors import ConfigError, DataError
from tamis.features import Kind

EVERYTHING = PlantedSettings(
    rows=5_000,
    fields=(
        PlantedField(name="user", size=400, cold=ColdIds(size=100, start=0.5), missing=0.1),
        PlantedField(name="word", size=100_000, exponent=0.9, copies=3),
        PlantedField(name="price", kind="numeric", size=12, missing=0.2, missing_effect=-0.5),
        PlantedField(name="page", kind="scenario", size=3),
        PlantedField(name="hour", size=24, exponent=0.0),
    ),
    interactions=(
        PlantedInteraction(fields=("user", "price", "page", "hour")),
        PlantedInteraction(fields=("user", "word", "price"), order=2, count=4, rank=2, drift=0.7, own=0.3),
        PlantedInteraction(fields=("word", "price"), order=3, count=3, context="hour", active=2),
    ),
    with_chance=True,
)


def whole(settings, **changes):
    return pl.concat(PlantedSource(settings, **changes).chunks())


@pytest.mark.parametrize("chunk_rows", [1, 7, 999, 65_536])
def test_the_rows_are_the_same_whatever_the_chunks(chunk_rows):
    expected = PlantedSource(EVERYTHING).head(5_000)
    assert len(expected) == 5_000
    some = 200 if chunk_rows == 1 else 5_000  # one row at a time takes long
    source = PlantedSource(EVERYTHING, chunk_rows=chunk_rows)
    chunks = [chunk for _, chunk in zip(range(-(-some // chunk_rows)), source.chunks(), strict=False)]
    assert pl.concat(chunks).equals(expected.head(some))


def test_a_chunk_needs_none_of_those_before_it():
    expected = whole(EVERYTHING)
    source = PlantedSource(EVERYTHING)
    assert source.slice(4_321, 123).equals(expected[4_321:4_444])
    assert source.slice(4_990, 100).equals(expected.tail(10))
    assert len(source.slice(6_000, 10)) == 0


def test_columns_are_the_same_alone_and_in_company():
    source = PlantedSource(EVERYTHING)
    expected = source.head(5_000)
    for column in expected.columns:
        assert pl.concat(source.chunks([column])).equals(expected.select(column))
    assert next(source.chunks(["click", "user"])).columns == ["click", "user"]


def test_a_column_that_no_click_needs_is_made_without_the_truth():
    source = PlantedSource(EVERYTHING)
    list(source.chunks(["time", "word_2"]))
    assert "truth" not in vars(source)


def test_other_seeds_are_other_logs_and_more_rows_the_same_world():
    def changed(**changes):
        return PlantedSettings(**{**{name: getattr(EVERYTHING, name) for name in write_config(EVERYTHING)}, **changes})

    expected, other, more = whole(EVERYTHING), whole(changed(seed=1)), whole(changed(rows=20_000))
    for column in ("user", "click", "chance", "price"):
        assert not other[column].equals(expected[column])
    assert more["word_1"][:5_000].equals(expected["word_1"])
    static = changed(interactions=EVERYTHING.interactions[::2], rows=20_000)
    chances = [
        PlantedSource(settings).head(1_000)["chance"].to_numpy()
        for settings in (static, changed(interactions=EVERYTHING.interactions[::2]))
    ]
    np.testing.assert_array_equal(*chances)


def test_a_field_more_leaves_the_others_and_their_clicks_as_they_were():
    user, effect = PlantedField(name="user"), PlantedInteraction(fields=("user",))
    alone = whole(PlantedSettings(fields=(user,), interactions=(effect,), rows=1_000))
    beside = whole(PlantedSettings(fields=(PlantedField(name="noise"), user), interactions=(effect,), rows=1_000))
    assert beside.drop("noise").equals(alone)


def test_generator_1_goes_on_making_these_rows():
    source = PlantedSource(EVERYTHING)
    found = source.head(6)
    assert found["user"].to_list() == [38, 0, 3, None, None, None]
    assert found["word_1"].to_list() == [2177, 58493, 822, 808, 1925, 954]
    assert found["price"].round(6).to_list() == [0.254315, 0.856444, None, None, 0.402418, 1.429241]
    assert found["chance"].round(6).to_list() == [0.003724, 0.235239, 0.069368, 0.069627, 0.148861, 0.317805]
    assert sum(chunk["click"].sum() for chunk in source.chunks(["click"])) == 997


def test_time_runs_evenly_from_0_to_the_end_of_the_log():
    times = whole(PlantedSettings(fields=(PlantedField(name="f"),), rows=1_000, seconds=4_000))["time"]
    assert times.to_list() == list(range(0, 4_000, 4))


def test_the_chance_is_a_column_on_request_only():
    fields = (PlantedField(name="f"),)
    source = PlantedSource(PlantedSettings(fields=fields, rows=10))
    assert source.columns == ("f", "time", "click") == tuple(source.head(1).columns)
    with pytest.raises(DataError, match="has no column 'chance'"):
        list(source.chunks(["chance"]))
    assert PlantedSource(PlantedSettings(fields=fields, with_chance=True)).columns[-1] == "chance"


def test_the_schema_reads_every_kind_and_ignores_the_chance():
    kinds = {field.name: str(field.kind) for field in planted_schema(EVERYTHING).fields}
    assert kinds == {
        "user": "categorical",
        "word_1": "categorical",
        "word_2": "categorical",
        "word_3": "categorical",
        "price": "numeric",
        "page": "scenario",
        "hour": "categorical",
        "click": "label",
        "time": "time",
        "chance": "ignored",
    }
    schema = planted_schema(EVERYTHING)
    assert "chance" not in schema.columns and not {"time", "click"} & set(schema.feature_columns)
    (price,) = (field for field in schema.fields if field.kind == Kind.NUMERIC)
    assert (price.encoder, price.buckets) == ("quantile_bucket", 12)


def test_a_file_of_settings_opens_as_its_log(tmp_path):
    path = tmp_path / "mine.planted"
    path.write_text(tomli_w.dumps(write_config(EVERYTHING)))
    source = open_source(path)
    assert (source.name, source.files) == ("mine", (path,))
    assert pl.concat(source.chunks()).equals(whole(EVERYTHING))
    path.with_suffix(".toml").write_bytes(path.read_bytes())
    assert open_source(path.with_suffix(".toml"), format="planted").columns == source.columns
    path.write_text('fields = [{name = "f", sise = 3}]')
    with pytest.raises(ConfigError, match=r"mine.planted fields\[0\]: PlantedField has no setting 'sise'"):
        open_source(path)


def test_memory_does_not_grow_with_the_rows_nor_with_ids_that_are_noise():
    def peak(rows, size):
        fields = (PlantedField(name="noise", size=size), PlantedField(name="f", size=1_000))
        interaction = PlantedInteraction(fields=("f",))
        source = PlantedSource(PlantedSettings(fields=fields, interactions=(interaction,), rows=rows))
        tracemalloc.start()
        try:
            assert sum(len(chunk) for chunk in source.chunks()) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = peak(200_000, 1_000)
    assert peak(1_500_000, 10**9) < 1.3 * small
