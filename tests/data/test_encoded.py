"""An encoded set holds each row of the log once, in its split, as the training rows taught."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tamis.data.batching import EncodedBatches, make_batch
from tamis.data.encoded import EncodedSet, prepare
from tamis.data.readers import FrameSource, open_source
from tamis.data.split import SPLIT_NAMES, SplitSettings, make_splitter
from tamis.errors import ConfigError, DataError
from tamis.features import Field, Kind, Schema, fit_encoders

SCHEMA = Schema(
    fields=(
        Field(name="user", kind=Kind.CATEGORICAL),
        Field(name="item", kind=Kind.CATEGORICAL, min_count=2),
        Field(name="site", kind=Kind.SCENARIO, column="shop"),
        Field(name="tags", kind=Kind.MULTI_VALUED),
        Field(name="seen", kind=Kind.SEQUENCE, share="item", min_count=2, max_length=3),
        Field(name="price", kind=Kind.NUMERIC),
        Field(name="picture", kind=Kind.VECTOR),
        Field(name="click", kind=Kind.LABEL),
        Field(name="like", kind=Kind.LABEL, column="stars", at_least=4.0),
        Field(name="group", kind=Kind.GROUP, column="user"),
        Field(name="when", kind=Kind.TIME),
        Field(name="weight", kind=Kind.WEIGHT),
    )
)


def make_log(rows: int = 300) -> pl.DataFrame:
    random = np.random.default_rng(3)
    return pl.DataFrame(
        {
            "user": [f"u{number}" for number in random.integers(0, 30, rows)],
            "item": random.integers(0, 90, rows),
            "shop": random.choice(["north", "south"], rows),
            "tags": [random.integers(0, 6, count).tolist() for count in random.integers(0, 4, rows)],
            "seen": [random.integers(0, 90, count).tolist() for count in random.integers(0, 6, rows)],
            "price": pl.Series(random.normal(size=rows)).set(pl.Series(random.random(rows) < 0.1), None),
            "picture": random.normal(size=(rows, 3)).astype(np.float32),
            "click": random.integers(0, 2, rows),
            "stars": random.integers(1, 6, rows),
            "when": [datetime.fromtimestamp(1e9 + 60 * row, tz=UTC) for row in range(rows)],
            "weight": random.random(rows),
        },
        schema_overrides={
            "tags": pl.List(pl.Int64),
            "seen": pl.List(pl.Int64),
            "picture": pl.List(pl.Float32),
        },
    )


class CutSource:
    """A frame in chunks of a chosen size."""

    files: tuple[Path, ...] = ()
    name = "cut"

    def __init__(self, frame: pl.DataFrame, rows: int) -> None:
        self.frame, self.rows, self.columns = frame, rows, tuple(frame.columns)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        return self.frame.select(columns or self.columns).iter_slices(self.rows)

    def head(self, rows: int) -> pl.DataFrame:
        return self.frame.head(rows)


def numbers_of_splits(log: pl.DataFrame, split: SplitSettings) -> np.ndarray:
    splitter = make_splitter(split)
    splitter.prepare(FrameSource(log), SCHEMA)
    return splitter.assign(log, 0)


@pytest.mark.parametrize("chunk_rows", [7, 1000])
@pytest.mark.parametrize("split", [SplitSettings(seed=1), SplitSettings(kind="time", fractions=(0.6, 0.2, 0.2))])
def test_every_split_holds_its_rows_as_the_training_rows_taught(tmp_path, chunk_rows, split):
    log = make_log()
    encoded = prepare(source=CutSource(log, chunk_rows), schema=SCHEMA, split=split, folder=tmp_path / "set")
    parts = numbers_of_splits(log, split)
    encoders = fit_encoders(SCHEMA, [log.filter(parts == 0)])
    assert encoded.layout == encoders.layout == encoded.encoders.layout
    assert encoded.schema == SCHEMA
    assert encoded.split_names == SPLIT_NAMES
    for number, name in enumerate(SPLIT_NAMES):
        expected = encoders.encode(log.filter(parts == number))
        found = encoded.split(name)
        assert encoded.rows(name) == found.rows == expected.rows == np.count_nonzero(parts == number)
        for kind in ("ids", "dense", "labels"):
            assert getattr(found, kind).keys() == getattr(expected, kind).keys()
            for field, column in getattr(expected, kind).items():
                np.testing.assert_array_equal(getattr(found, kind)[field], column)
        for field, column in expected.lists.items():
            np.testing.assert_array_equal(found.lists[field].values, column.values)
            np.testing.assert_array_equal(found.lists[field].offsets, column.offsets)
        for kind in ("weights", "groups", "times"):
            np.testing.assert_array_equal(getattr(found, kind), getattr(expected, kind))
        entry = encoded.manifest.splits[name]
        assert entry.unseen == expected.unseen
        assert entry.positives == {task: int(column.sum()) for task, column in expected.labels.items()}
        assert encoded.base_rates(name) == tuple(expected.labels[task].mean() for task in encoded.layout.tasks)


def test_raw_rows_and_encoded_rows_give_equal_batches(tmp_path):
    log = make_log()
    split = SplitSettings(seed=1)
    encoded = prepare(source=FrameSource(log), schema=SCHEMA, split=split, folder=tmp_path)
    rows = log.filter(numbers_of_splits(log, split) == 2)
    [batch] = EncodedBatches(encoded.split("test"), encoded.layout, batch_size=1000).epoch(0)
    raw = make_batch(encoded.encoders.encode(rows), encoded.layout)
    for name in ("ids", "dense", "labels", "weights", "groups", "scenarios"):
        assert getattr(raw, name).equal(getattr(batch, name)), name
    assert all(one.equal(other) for one, other in zip(raw.lists, batch.lists, strict=True))
    unlabelled = make_batch(encoded.encoders.encode(rows.select(SCHEMA.feature_columns), labels=False), encoded.layout)
    assert unlabelled.labels is None
    assert unlabelled.ids.equal(batch.ids)


def test_columns_are_narrow_little_endian_files_mapped_into_memory(tmp_path):
    log = make_log()
    fields = [Field(name="click", kind=Kind.LABEL), Field(name="group", kind=Kind.GROUP, column="item")]
    for buckets in (100, 1000, 100_000):
        fields.append(Field(name=f"h{buckets}", kind=Kind.CATEGORICAL, column="item", encoder="hash", buckets=buckets))
    encoded = prepare(
        source=FrameSource(log), schema=Schema(fields=tuple(fields)), split=SplitSettings(), folder=tmp_path
    )
    train = encoded.split("train")
    assert {name: column.dtype.str for name, column in train.ids.items()} == {
        "h100": "|u1",
        "h1000": "<u2",
        "h100000": "<i4",
    }
    assert train.labels["click"].dtype.str == "|u1"
    assert train.groups.dtype.str == "<i8"
    assert isinstance(train.ids["h1000"], np.memmap)
    assert not train.ids["h1000"].flags.writeable


def test_the_manifest_tells_what_lies_on_the_disk(tmp_path):
    encoded = prepare(
        source=FrameSource(make_log(), name="shop log"),
        schema=SCHEMA,
        split=SplitSettings(),
        folder=tmp_path,
        name="shop",
    )
    table = json.loads((tmp_path / "manifest.json").read_text())
    assert (table["format"], table["name"], table["split_description"]) == (1, "shop", "random-8-1-1")
    assert table["folder"] == encoded.fingerprint[:16]
    assert table["fingerprint"] == encoded.fingerprint
    assert table["encoders"] == encoded.encoders.fingerprint()
    for name, entry in table["splits"].items():
        for column in entry["columns"]:
            content = (tmp_path / table["folder"] / column["file"]).read_bytes()
            values = np.frombuffer(content, dtype=column["dtype"]).reshape(column["shape"])
            assert column["bytes"] == len(content)
            assert column["sha256"] == hashlib.sha256(content).hexdigest()
            assert column.get("largest") == (int(values.max()) if "largest" in column else None)
        assert entry["rows"] == encoded.rows(name)


def test_source_files_stand_in_the_manifest_with_their_checksums(tmp_path):
    path = tmp_path / "log.parquet"
    make_log().write_parquet(path)
    encoded = prepare(source=open_source(path), schema=SCHEMA, split=SplitSettings(), folder=tmp_path / "set")
    [entry] = encoded.manifest.sources
    assert (entry.name, entry.bytes, entry.mtime_ns) == (
        "log.parquet",
        path.stat().st_size,
        path.stat().st_mtime_ns,
    )
    assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_fingerprint_follows_the_content_alone(tmp_path):
    log = make_log()

    def fingerprint(folder: str, frame: pl.DataFrame, *, seed: int = 0, rows: int = 1000) -> str:
        source = CutSource(frame, rows)
        return prepare(
            source=source,
            schema=SCHEMA,
            split=SplitSettings(seed=seed),
            folder=tmp_path / folder,
            name=folder,
        ).fingerprint

    first = fingerprint("a", log)
    assert fingerprint("b", log, rows=13) == first
    assert fingerprint("c", log, seed=1) != first
    changed = log.with_columns(weight=pl.when(pl.int_range(pl.len()) == 5).then(0.5).otherwise("weight"))
    assert fingerprint("d", changed) != first


def test_given_sources_become_their_splits(tmp_path):
    log = make_log()
    pieces = {"train": log[:200], "valid": log[200:250]}
    encoded = prepare(
        source={name: FrameSource(frame) for name, frame in pieces.items()},
        schema=SCHEMA,
        split=SplitSettings(kind="given"),
        folder=tmp_path,
    )
    assert encoded.split_names == ("train", "valid")
    assert encoded.split("valid").times.tolist() == [int(1e9) + 60 * row for row in range(200, 250)]
    with pytest.raises(DataError, match=r"has no split 'test'; it has train, valid\."):
        encoded.split("test")


def test_a_share_of_nothing_makes_no_split(tmp_path):
    split = SplitSettings(fractions=(0.8, 0.2, 0.0))
    encoded = prepare(source=FrameSource(make_log()), schema=SCHEMA, split=split, folder=tmp_path)
    assert encoded.split_names == ("train", "valid")


def test_a_column_that_names_the_parts_need_not_be_in_the_schema(tmp_path):
    log = make_log().with_columns(part=pl.Series(["a", "b", "c"] * 100))
    split = SplitSettings(kind="column", column="part", train=("a", "b"), test=("c",), valid_fraction=0.2)
    encoded = prepare(source=FrameSource(log), schema=SCHEMA, split=split, folder=tmp_path)
    assert encoded.rows("train") + encoded.rows("valid") == 200
    assert encoded.split("test").times.tolist() == [int(1e9) + 60 * row for row in range(2, 300, 3)]


def test_sources_must_fit_the_kind_of_split(tmp_path):
    source = FrameSource(make_log())
    with pytest.raises(ConfigError, match="'given' takes a source for each split.*got kind 'given' with one source"):
        prepare(source=source, schema=SCHEMA, split=SplitSettings(kind="given"), folder=tmp_path)
    with pytest.raises(ConfigError, match="got kind 'random' with sources for train, valid"):
        prepare(source={"train": source, "valid": source}, schema=SCHEMA, split=SplitSettings(), folder=tmp_path)
    with pytest.raises(ConfigError, match="must be called train, valid and.*got train, test.*'column' with valid_fr"):
        prepare(
            source={"train": source, "test": source},
            schema=SCHEMA,
            split=SplitSettings(kind="given"),
            folder=tmp_path,
        )


def test_progress_tells_both_passes(tmp_path):
    seen: list[tuple[str, int, int | None]] = []
    prepare(
        source=CutSource(make_log(), 100),
        schema=SCHEMA,
        split=SplitSettings(),
        folder=tmp_path,
        progress=lambda stage, rows, total: seen.append((stage, rows, total)),
    )
    assert seen == [
        *(("fit", rows, None) for rows in (100, 200, 300)),
        *(("encode", rows, 300) for rows in (100, 200, 300)),
    ]


def test_a_column_without_values_can_be_opened(tmp_path):
    log = make_log().with_columns(tags=pl.lit([], dtype=pl.List(pl.Int64)))
    encoded = prepare(source=FrameSource(log), schema=SCHEMA, split=SplitSettings(), folder=tmp_path)
    assert len(encoded.split("train").lists["tags"].values) == 0
    [batch] = EncodedBatches(encoded.split("valid"), encoded.layout, batch_size=1000).epoch(0)
    assert batch.lists[0].tolist() == [[0]] * len(batch)


def test_released_pages_can_be_read_again(tmp_path):
    train = prepare(source=FrameSource(make_log()), schema=SCHEMA, split=SplitSettings(), folder=tmp_path).split(
        "train"
    )
    before = train.ids["user"].tolist()
    train.release()
    assert train.ids["user"].tolist() == before


def test_opened_sets_are_equal_to_prepared_ones(tmp_path):
    made = prepare(source=FrameSource(make_log()), schema=SCHEMA, split=SplitSettings(), folder=tmp_path)
    opened = EncodedSet.open(tmp_path, verify=True)
    assert (opened.manifest, opened.name) == (made.manifest, "frame")


def test_splits_that_are_not_asked_for_are_as_if_there_were_none(tmp_path):
    made = prepare(source=FrameSource(make_log()), schema=SCHEMA, split=SplitSettings(), folder=tmp_path)
    for column in made.manifest.splits["test"].columns:
        (tmp_path / made.manifest.folder / column.file).unlink()
    with pytest.raises(DataError):
        EncodedSet.open(tmp_path)
    opened = EncodedSet.open(tmp_path, splits=("train", "valid"))
    assert opened.split_names == ("train", "valid")
    assert opened.rows("valid") == made.rows("valid")
    with pytest.raises(DataError, match="has no split 'test'; it has train, valid"):
        opened.split("test")
