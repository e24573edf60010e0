"""A set is encoded again exactly when something that matters changed."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from tamis.data.batching import EncodedBatches
from tamis.data.encoded import EncodedSet, prepare
from tamis.data.readers import FrameSource, open_source
from tamis.data.split import SplitSettings
from tamis.errors import ConfigError
from tamis.features import Field, Kind, Schema

SCHEMA = Schema(fields=(Field(name="user", kind=Kind.CATEGORICAL), Field(name="click", kind=Kind.LABEL)))
SPLIT = SplitSettings()


@pytest.fixture
def log(tmp_path) -> Path:
    path = tmp_path / "log.csv"
    write_log(path)
    return path


def write_log(path: Path, *, seed: int = 0) -> None:
    random = np.random.default_rng(seed)
    pl.DataFrame({"user": random.integers(10, 99, 200), "click": random.integers(0, 2, 200)}).write_csv(path)


def run(
    path: Path,
    *,
    schema: Schema = SCHEMA,
    split: SplitSettings = SPLIT,
    force: bool = False,
    types: dict | None = None,
    name: str = "",
) -> tuple[EncodedSet, bool]:
    """Prepare, and say whether rows were encoded."""
    stages = set()
    encoded = prepare(
        source=open_source(path, types=types),
        schema=schema,
        split=split,
        folder=path.parent / "set",
        force=force,
        name=name,
        progress=lambda stage, rows, total: stages.add(stage),
    )
    assert len([folder for folder in (path.parent / "set").iterdir() if folder.is_dir()]) == 1
    assert EncodedSet.open(path.parent / "set", verify=True).manifest == encoded.manifest
    return encoded, bool(stages)


def test_nothing_changed_nothing_done(log):
    first, worked = run(log)
    assert worked
    again, worked = run(log)
    assert not worked
    assert again.manifest == first.manifest


def test_a_new_date_with_the_same_content_is_remembered(log):
    run(log)
    os.utime(log, ns=(1, 2))
    again, worked = run(log)
    assert not worked
    assert again.manifest.sources[0].mtime_ns == 2


def test_a_moved_file_with_the_same_content_is_found_again(log):
    run(log)
    moved = log.rename(log.with_name("moved.csv"))
    again, worked = run(moved, name="shop")
    assert not worked
    assert (again.manifest.sources[0].name, again.name) == ("moved.csv", "shop")
    again.check_sources()


def test_other_content_of_the_same_size_and_name_is_encoded(log):
    first, _ = run(log)
    size = log.stat().st_size
    write_log(log, seed=1)
    assert log.stat().st_size == size
    again, worked = run(log)
    assert worked
    assert again.fingerprint != first.fingerprint


def test_another_schema_split_or_reading_is_encoded(log):
    first, _ = run(log)
    fields = (Field(name="user", kind=Kind.CATEGORICAL, min_count=3), SCHEMA.fields[1])
    assert run(log, schema=Schema(fields=fields))[1]
    assert run(log)[1]
    assert run(log, split=SplitSettings(seed=1))[1]
    assert run(log)[1]
    as_text, worked = run(log, types={"user": "text"})
    assert worked
    assert as_text.fingerprint == first.fingerprint  # the same texts, so the columns that were there stay


def test_force_encodes_again_into_a_folder_of_its_own(log):
    first, _ = run(log)
    again, worked = run(log, force=True)
    assert worked
    assert again.fingerprint == first.fingerprint
    assert (first.manifest.folder, again.manifest.folder) == (
        first.fingerprint[:16],
        f"{first.fingerprint[:16]}-1",
    )


def test_equal_rows_from_frames_keep_the_columns_that_are_there(tmp_path):
    frame = pl.DataFrame({"user": [1, 2] * 100, "click": [0, 1, 1, 0] * 50})
    stages: list[str] = []

    def encode() -> EncodedSet:
        return prepare(
            source=FrameSource(frame),
            schema=SCHEMA,
            split=SPLIT,
            folder=tmp_path,
            progress=lambda stage, rows, total: stages.append(stage),
        )

    first = encode()
    place = tmp_path / first.manifest.folder / "train" / "ids-000.bin"
    before = place.stat().st_ino
    assert encode().manifest.folder == first.manifest.folder
    assert stages == ["fit", "encode"] * 2  # a frame has no checksum to trust
    assert place.stat().st_ino == before
    assert len(list(tmp_path.iterdir())) == 2


def test_another_target_needs_no_encoding_and_reaches_layout_encoders_and_schema(tmp_path):
    path = tmp_path / "seen.parquet"
    items = [f"i{number % 7}" for number in range(400)]
    seen = [items[max(0, number - 3) : number] for number in range(400)]
    pl.DataFrame({"item": items, "seen": seen, "click": [number % 2 for number in range(400)]}).write_parquet(path)
    means = Schema(
        fields=(
            Field(name="item", kind=Kind.CATEGORICAL),
            Field(name="seen", kind=Kind.SEQUENCE, share="item"),
            Field(name="click", kind=Kind.LABEL),
        )
    )
    fields = (means.fields[0], replace(means.fields[1], target="item"), means.fields[2])
    attended = Schema(fields=fields)
    source = open_source(path)

    def prepared(schema, **settings):
        stages = []
        report = {"progress": lambda *stage: stages.append(stage)}
        encoded = prepare(
            source=source, schema=schema, split=SplitSettings(), folder=tmp_path / "set", **report, **settings
        )
        return encoded, bool(stages)

    first, worked = prepared(means)
    assert worked and not first.layout.attended
    for schema, targets in ((attended, ["seen"]), (means, []), (attended, ["seen"])):
        again, worked = prepared(schema)
        assert not worked
        assert again.fingerprint == first.fingerprint
        assert [field.name for field in again.layout.attended] == targets
        assert again.layout == again.encoders.layout == EncodedSet.open(tmp_path / "set", verify=True).layout
        assert again.schema == again.encoders.schema == schema
    fresh, worked = prepared(attended, force=True)
    assert worked
    assert fresh.fingerprint == first.fingerprint
    assert fresh.layout == again.layout
    with pytest.raises(ConfigError, match="encoders were fitted for another schema than the one given. Fit them anew."):
        fresh.encoders.under(Schema(fields=means.fields[::2]))


def test_a_set_of_some_features_reads_the_same_rows_of_the_same_files(tmp_path):
    random = np.random.default_rng(0)
    frame = pl.DataFrame({name: random.integers(0, 9, 60) for name in ("user", "item", "hour")}).cast(pl.String)
    schema = Schema.infer(frame.with_columns(click=pl.lit(1)), label="click", group=False)
    frame = frame.with_columns(click=pl.Series(random.integers(0, 2, 60)))
    whole = prepare(source=FrameSource(frame), schema=schema, split=SPLIT, folder=tmp_path / "set", name="log")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    some = whole.only(["hour", "user"])
    assert whole.only(whole.layout.field_names) is whole
    assert some.layout.field_names == tuple(name for name in whole.layout.field_names if name != "item")
    assert (some.fingerprint, some.folder, some.split_names) == (whole.fingerprint, whole.folder, whole.split_names)
    assert some.encoders.layout == some.layout and some.schema == some.encoders.schema
    assert "item" in whole.layout.field_names and "item" in whole.encoders.layout.field_names
    places = [whole.layout.field_names.index(name) for name in some.layout.field_names]
    epochs = [EncodedBatches(one.split("train"), one.layout, batch_size=16).epoch(0) for one in (some, whole)]
    for batch, full in zip(*epochs, strict=True):
        assert torch.equal(batch.ids, full.ids[:, places])
        assert batch.labels is not None and full.labels is not None and torch.equal(batch.labels, full.labels)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")} == before
    with pytest.raises(ConfigError, match=r"the schema has no feature 'itme'. Did you mean 'item'\?"):
        whole.only(["itme"])
