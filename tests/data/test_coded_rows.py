"""Both passes give the same rows, whether the store holds them or the source is read again."""

import shutil
from collections import namedtuple

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tamis.data.coded_rows import CodedRows
from tamis.data.divided_rows import DividedRows
from tamis.data.encoded import prepare
from tamis.data.readers import FrameSource
from tamis.data.split import SplitSettings
from tamis.features import Field, Kind, Schema

SCHEMA = Schema(
    fields=(
        Field(name="user", kind=Kind.CATEGORICAL),
        Field(name="count", kind=Kind.NUMERIC, encoder="log_bucket"),
        Field(name="click", kind=Kind.LABEL),
    )
)


class Log(FrameSource):
    """A frame that counts how often it is read."""

    reads = 0

    def chunks(self, columns=None):
        self.reads += 1
        return super().chunks(columns)


def make_log(rows: int = 500) -> Log:
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "user": [f"user {number}" for number in random.zipf(1.5, rows) % 50],
            "count": random.integers(0, 10**6, rows),
            "click": random.integers(0, 2, rows),
        }
    )
    return Log(frame, name="log")


@pytest.fixture
def no_room(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 4_000))


def both_passes(log: Log, folder):
    rows = CodedRows(DividedRows(log, SCHEMA, SplitSettings()), SCHEMA, folder)
    return list(rows.first_pass()), list(rows.second_pass())


def test_the_source_is_read_once(tmp_path):
    log = make_log()
    first, second = both_passes(log, tmp_path / "rows")
    assert log.reads == 1
    for (rows, parts), (rows_again, parts_again) in zip(first, second, strict=True):
        assert rows == rows_again == 500
        for name, part in parts.items():
            assert_frame_equal(part, parts_again[name].cast(dict(part.schema)))


@pytest.mark.usefixtures("no_room")
def test_without_room_the_source_is_read_twice(tmp_path):
    log = make_log()
    first, second = both_passes(log, tmp_path / "rows")
    assert log.reads == 2
    for (_, parts), (_, parts_again) in zip(first, second, strict=True):
        for name, part in parts.items():
            assert_frame_equal(part, parts_again[name])


def test_the_encoded_set_is_the_same_with_and_without_room(tmp_path, request):
    def encode(folder):
        encoded = prepare(source=make_log(), schema=SCHEMA, split=SplitSettings(), folder=folder)
        place = folder / encoded.manifest.folder
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}

    with_room = encode(tmp_path / "a")
    request.getfixturevalue("no_room")
    assert encode(tmp_path / "b") == with_room
    assert not [name for name in with_room if name.startswith("rows")]
