"""Whatever goes wrong while encoding, or with an encoded set, is said in a sentence and loses nothing."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tamis.data import column_file
from tamis.data.encoded import EncodedSet, prepare
from tamis.data.readers import FrameSource, open_source
from tamis.data.split import SplitSettings
from tamis.data.staging import staging_folder, sweep
from tamis.errors import DataError
from tamis.features import Field, Kind, Schema

SCHEMA = Schema(
    fields=(
        Field(name="user", kind=Kind.CATEGORICAL),
        Field(name="price", kind=Kind.NUMERIC),
        Field(name="click", kind=Kind.LABEL),
    )
)


def make_log(rows: int = 200, *, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "user": random.integers(0, 20, rows),
            "price": random.normal(size=rows),
            "click": random.integers(0, 2, rows),
        }
    )


def make_set(folder: Path, frame: pl.DataFrame | None = None, *, split: SplitSettings | None = None) -> EncodedSet:
    source = FrameSource(make_log() if frame is None else frame, name="log")
    return prepare(source=source, schema=SCHEMA, split=split or SplitSettings(), folder=folder)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def a_disk_of(monkeypatch):
    """A disk that takes some bytes of column data and no more."""

    def limit(size: int) -> None:
        left = [size]
        append = column_file.append_bytes

        def append_some(path: Path, data: memoryview | bytes) -> None:
            left[0] -= len(data)
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            append(path, data)

        monkeypatch.setattr(column_file, "append_bytes", append_some)

    return limit


@pytest.mark.parametrize("size", [0, 10, 500, 1_000])
def test_a_full_disk_leaves_the_old_set_as_it_was(tmp_path, a_disk_of, size):
    old = make_set(tmp_path)
    before = content_of(tmp_path)
    a_disk_of(size)
    with pytest.raises(
        DataError,
        match=r"the disk is full \(No space left on device\) after .* of at least 1,200 bytes of encoded "
        r"rows; .* are free now\. Free some space, or name another folder\. The data set that was there "
        r"before is unchanged\.",
    ):
        make_set(tmp_path, make_log(seed=1))
    assert content_of(tmp_path) == before
    assert EncodedSet.open(tmp_path, verify=True).fingerprint == old.fingerprint


def test_a_full_disk_leaves_nothing_where_nothing_was(tmp_path, a_disk_of):
    a_disk_of(300)
    with pytest.raises(DataError, match=r"the disk is full.*name another folder\.$"):
        make_set(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("name", ["encoders", "manifest"])
def test_a_disk_that_fills_up_at_the_very_end_leaves_the_old_set(tmp_path, monkeypatch, name):
    make_set(tmp_path)
    before = content_of(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        {"encoders": "tamis.data.encoded.Encoders.save", "manifest": "tamis.data.encoded.write_manifest"}[name],
        fail,
    )
    with pytest.raises(DataError, match="the disk is full"):
        make_set(tmp_path, make_log(seed=1))
    assert content_of(tmp_path) == before


def test_other_failures_of_the_disk_pass_through_and_clean_up(tmp_path, monkeypatch):
    def fail(path: Path, data: bytes) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(column_file, "append_bytes", fail)
    with pytest.raises(OSError, match="Input/output error"):
        make_set(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_limit_of_the_system_on_file_sizes_is_a_full_disk_too(tmp_path):
    make_set(tmp_path)
    before = content_of(tmp_path)
    child = """
import resource, sys
from pathlib import Path
import polars as pl
from tamis.data.encoded import prepare
from tamis.data.readers import FrameSource
from tamis.data.split import SplitSettings
from tamis.errors import DataError
from tamis.features import Schema

frame = pl.DataFrame({"price": [0.5 * i for i in range(40_000)], "click": [0, 1] * 20_000})
source, schema = FrameSource(frame), Schema.infer(frame, label="click")
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    prepare(source=source, schema=schema, split=SplitSettings(), folder=sys.argv[1])
except DataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", child, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "the disk is full (File too large)" in done.stdout
    assert "The data set that was there before is unchanged." in done.stdout
    assert content_of(tmp_path) == before
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 50_000


def test_too_little_room_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(5000, 4000, 1000))
    with pytest.raises(
        DataError, match=r"200 encoded rows need at least 1,200 bytes; 1,000 bytes are free\. Free some"
    ):
        make_set(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(5000, 2000, 3000))
    with pytest.raises(DataError, match=r"1,200 bytes and 2\.0 MB are to stay free; 3,000 bytes are free"):
        prepare(
            source=FrameSource(make_log()),
            schema=SCHEMA,
            split=SplitSettings(),
            folder=tmp_path,
            min_free_bytes=2_000_000,
        )
    make_set(tmp_path)


KILLED = """
import os, signal, sys
import polars as pl
from tamis.data.encoded import prepare
from tamis.data.readers import FrameSource
from tamis.data.split import SplitSettings
from tamis.features import Schema

frame = pl.DataFrame({"user": [1, 2] * 50, "click": [0, 1] * 50})

def die(stage, rows, total):
    if stage == "encode":
        os.kill(os.getpid(), signal.SIGKILL)

prepare(
    source=FrameSource(frame),
    schema=Schema.infer(frame, label="click"),
    split=SplitSettings(),
    folder=sys.argv[1],
    progress=die,
)
"""


def test_what_a_killed_run_left_goes_with_the_next_run(tmp_path):
    old = make_set(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    [partial] = tmp_path.glob("*.partial")
    assert EncodedSet.open(tmp_path, verify=True).fingerprint == old.fingerprint
    with staging_folder(tmp_path) as living:
        new = make_set(tmp_path, make_log(seed=1))
        assert not partial.exists()
        assert living.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["manifest.json", new.fingerprint[:16]])


def test_sweeping_leaves_what_is_not_ours(tmp_path):
    (tmp_path / "my folder.partial").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    sweep(tmp_path)
    sweep(tmp_path / "nowhere")
    assert len(list(tmp_path.iterdir())) == 2


def test_an_empty_split_is_named(tmp_path):
    split = SplitSettings(fractions=(0.99, 0.001, 0.009))
    with pytest.raises(DataError, match=r"split 'valid' \(random-.*\) is empty: none of the 20 rows of log.*`seed`"):
        make_set(tmp_path, make_log(20), split=split)
    late = SplitSettings(kind="column", column="user", train=(1,), valid=(2,), test=(99,))
    with pytest.raises(DataError, match=r"split 'test' \(.*\) is empty: .* Check which values column 'user' holds"):
        make_set(tmp_path, split=late)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "value"), [("train", 1), ("valid", 0), ("test", 1)])
def test_a_split_of_one_class_is_named(tmp_path, name, value):
    frames = {part: make_log(seed=number) for number, part in enumerate(("train", "valid", "test"))}
    frames[name] = frames[name].with_columns(click=pl.lit(value))
    with pytest.raises(
        DataError,
        match=rf"split '{name}' \(given\): label 'click' must be 0 in some rows and 1 in others; it is "
        rf"{value} in all 200\. Check the label's rule in the schema \(at_least, positive\)\. Give another",
    ):
        prepare(
            source={part: FrameSource(frame) for part, frame in frames.items()},
            schema=SCHEMA,
            split=SplitSettings(kind="given"),
            folder=tmp_path,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_rows_is_named(tmp_path):
    class NoRows:
        name, files, columns = "nothing.csv", (), ("user", "price", "click")

        def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
            return iter(())

        def head(self, rows: int) -> pl.DataFrame:
            return make_log().head(0)

    with pytest.raises(DataError, match=r"nothing\.csv has no rows\. Give a source with at least one row for each"):
        prepare(source=NoRows(), schema=SCHEMA, split=SplitSettings(), folder=tmp_path)


def test_a_file_written_to_while_it_is_read_is_named(tmp_path):
    path = tmp_path / "log.csv"
    make_log().write_csv(path)

    def disturb(stage: str, rows: int, total: int | None) -> None:
        if stage == "encode":
            path.write_text(path.read_text() + "1,0.5,1\n")

    with pytest.raises(DataError, match=r"log\.csv was written to \(20.*\) while it was being encoded\. Wait"):
        prepare(
            source=open_source(path),
            schema=SCHEMA,
            split=SplitSettings(),
            folder=tmp_path / "set",
            progress=disturb,
        )
    assert list((tmp_path / "set").iterdir()) == []


def test_a_source_that_changed_since_is_named_and_a_missing_one_is_not_asked_for(tmp_path):
    path = tmp_path / "log.csv"
    make_log().write_csv(path)
    encoded = prepare(source=open_source(path), schema=SCHEMA, split=SplitSettings(), folder=tmp_path / "set")
    encoded.check_sources()
    path.touch()
    encoded.check_sources()
    path.write_text(path.read_text() + "1,0.5,1\n")
    with pytest.raises(
        DataError,
        match=r"log\.csv changed since it was encoded: it must hold \d+ bytes with sha256 [0-9a-f]{12}…; "
        r"it holds \d+ bytes, written 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d.* \(before: 20.*\)\. Prepare the data",
    ):
        encoded.check_sources()
    path.unlink()
    encoded.check_sources()


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_damaged_column_is_named(tmp_path):
    encoded = make_set(tmp_path)
    path = tmp_path / encoded.manifest.folder / "train" / "ids-000.bin"
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    EncodedSet.open(tmp_path)
    with pytest.raises(DataError, match=r"ids-000\.bin is damaged: its sha256 must be [0-9a-f]{12}….*got.*--force"):
        EncodedSet.open(tmp_path, verify=True)
    path.write_bytes(content[:-1])
    with pytest.raises(DataError, match=rf"must hold {len(content)} bytes, .*; it holds {len(content) - 1}\. Prepare"):
        EncodedSet.open(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"ids-000\.bin is missing from the encoded data set\. Prepare"):
        EncodedSet.open(tmp_path)


def test_encoders_of_another_set_are_refused(tmp_path):
    encoded = make_set(tmp_path / "a")
    other = make_set(tmp_path / "b", make_log(seed=1))
    place = tmp_path / "a" / encoded.manifest.folder / "encoders"
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "b" / other.manifest.folder / "encoders", place)
    with pytest.raises(DataError, match=r"encoders is damaged: its fingerprint must be .*… .*; got .*…\. Prepare"):
        EncodedSet.open(tmp_path / "a", verify=True)
    (place / "encoders.json").write_text("{}")
    with pytest.raises(DataError, match=r"encoders\.json.* Prepare the data set again with `--force`"):
        _ = EncodedSet.open(tmp_path / "a").encoders


def test_an_id_outside_its_table_is_named(tmp_path):
    encoded = make_set(tmp_path)
    layout = encoded.layout.to_json()
    layout["tables"]["user"] = 5
    edit_manifest(tmp_path, layout=layout)
    with pytest.raises(DataError, match=r"ids of field 'user' must be below 5, the size of table 'user'; got \d+\."):
        EncodedSet.open(tmp_path)


def test_a_manifest_that_cannot_be_used_is_explained(tmp_path):
    with pytest.raises(DataError, match=r"nowhere is not an encoded data set: it has no manifest\.json\. Make one"):
        EncodedSet.open(tmp_path / "nowhere")
    make_set(tmp_path)
    edit_manifest(tmp_path, format=9, tamis="7.0.0")
    with pytest.raises(
        DataError,
        match=r"written by tamis 7\.0\.0 in format 9; this tamis reads up to format 1\. Update tamis",
    ):
        EncodedSet.open(tmp_path)
    with pytest.raises(DataError, match=r"written by tamis 7\.0\.0"):
        make_set(tmp_path)
    edit_manifest(tmp_path, format=1, splits=None)
    with pytest.raises(DataError, match=r"manifest\.json is damaged: .*splits: must be a table; got None"):
        EncodedSet.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"manifest\.json is damaged: Expecting property name.*--force"):
        EncodedSet.open(tmp_path)
    source = FrameSource(make_log())
    forced = prepare(source=source, schema=SCHEMA, split=SplitSettings(), folder=tmp_path, force=True)
    assert EncodedSet.open(tmp_path, verify=True).manifest == forced.manifest
    assert len(list(tmp_path.iterdir())) == 2
