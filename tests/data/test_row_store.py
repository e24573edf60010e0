"""Rows set aside come back as they were, or not at all."""

import errno
import os
import shutil
from collections import namedtuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tamis.data.row_store import RowStore

usage = namedtuple("usage", "total used free")

FRAME = pl.DataFrame(
    {
        "code": pl.Series([1, 0, 300], dtype=pl.UInt32),
        "count": [2**40, None, -3],
        "word": ["a", None, "b"],
        "price": [0.1, None, float("nan")],
        "tags": [["x"], [], None],
        "when": pl.Series([0, 1, None]).cast(pl.Datetime("us", "UTC")),
        "is_new": [True, None, False],
    }
)


def test_every_kind_of_column_comes_back_with_its_values(tmp_path):
    store = RowStore(tmp_path / "rows")
    store.add(3, {"train": FRAME.head(2), "test": FRAME.tail(1)})
    store.add(3, {"valid": FRAME})
    first, second = store.take()
    assert (first[0], list(first[1])) == (3, ["train", "test"])
    assert second[0] == 3
    assert_frame_equal(first[1]["train"].cast(dict(FRAME.schema)), FRAME.head(2))
    assert_frame_equal(second[1]["valid"].cast(dict(FRAME.schema)), FRAME)
    assert second[1]["valid"]["code"].dtype == pl.UInt32
    assert store.bytes == 0
    assert list((tmp_path / "rows").iterdir()) == []


def test_chunks_are_removed_while_they_are_read(tmp_path):
    store = RowStore(tmp_path / "rows")
    for _ in range(6):
        store.add(3, {"train": FRAME})
    taken = store.take()
    next(taken)
    assert len(list((tmp_path / "rows").iterdir())) in (4, 5)  # one is read ahead
    taken.close()


@pytest.mark.parametrize(("free", "min_free_bytes"), [(1_000, 0), (1_000_000, 999_999)])
def test_the_store_gives_up_before_it_fills_the_disk(tmp_path, monkeypatch, free, min_free_bytes):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free))
    store = RowStore(tmp_path / "rows", min_free_bytes=min_free_bytes)
    store.add(3, {"train": FRAME})
    store.add(3, {"train": FRAME})
    assert not store.is_complete
    assert store.bytes == 0
    assert not (tmp_path / "rows").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_ends_the_store_and_other_failures_pass_through(tmp_path, monkeypatch, number):
    store = RowStore(tmp_path / "rows")

    def fail(path: object, frame: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store, "_write", fail)
    if number == errno.ENOSPC:
        store.add(3, {"train": FRAME})
        assert not store.is_complete
    else:
        with pytest.raises(OSError, match="Input/output error"):
            store.add(3, {"train": FRAME})


def test_columns_of_python_objects_are_left_to_whoever_reads_them(tmp_path):
    store = RowStore(tmp_path / "rows")
    store.add(1, {"train": pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)})})
    assert not store.is_complete
