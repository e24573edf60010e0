"""One column of an encoded set as one raw little-endian file: appended to, checksummed, memory-mapped."""

import hashlib
import mmap
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tamis.errors import DataError


@dataclass(frozen=True, kw_only=True)
class ColumnEntry:
    """What the manifest says of one column file.

    ``kind`` is one of ``ids``, ``list_values``, ``list_offsets``, ``dense``, ``labels``, ``weights``,
    ``groups`` and ``times``; ``field`` is empty for the last three. ``largest`` is the largest id of a
    column of ids, else None.
    """

    kind: str
    field: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str
    largest: int | None = None


def id_dtype(table_size: int) -> str:
    """The narrowest type that holds every id of a table.

    Example:
        >>> id_dtype(256), id_dtype(257), id_dtype(65_537)
        ('<u1', '<u2', '<i4')
    """
    return "<u1" if table_size <= 1 << 8 else "<u2" if table_size <= 1 << 16 else "<i4"


def append_bytes(path: Path, data: memoryview | bytes) -> None:
    """Add ``data`` to the end of a file; every byte of an encoded set that is not JSON passes here."""
    # Opened anew each time: a set has (columns x splits) files, more than a process may hold open.
    with open(path, "ab") as file:
        file.write(data)


class ColumnWriter:
    """Appends arrays to one column file and keeps its checksum, its length and its largest id."""

    def __init__(self, folder: Path, *, kind: str, field: str, file: str, dtype: str, width: int | None = None) -> None:
        self.kind, self.field, self.file = kind, field, file
        self.path = folder / file
        self.dtype = np.dtype(dtype)
        self.width = width
        self.items = 0
        self.bytes = 0
        self.largest: int | None = 0 if kind in ("ids", "list_values") else None
        self._digest = hashlib.sha256()
        append_bytes(self.path, b"")

    def append(self, values: np.ndarray) -> None:
        """Add ``values``, one row each."""
        if not len(values):
            return
        if self.largest is not None:
            self.largest = max(self.largest, int(values.max()))
        values = np.ascontiguousarray(values, dtype=self.dtype)
        data = values.data.cast("B")
        self._digest.update(data)
        append_bytes(self.path, data)
        self.items += len(values)
        self.bytes += values.nbytes

    def finish(self) -> ColumnEntry:
        """Force the file to the disk and say what was written."""
        with open(self.path, "rb+") as file:
            os.fsync(file.fileno())
        return ColumnEntry(
            kind=self.kind,
            field=self.field,
            file=self.file,
            dtype=self.dtype.str,
            shape=(self.items,) if self.width is None else (self.items, self.width),
            bytes=self.bytes,
            sha256=self._digest.hexdigest(),
            largest=self.largest,
        )


def open_column(folder: Path, entry: ColumnEntry, *, verify: bool) -> np.ndarray:
    """Map a column file into memory, read-only; its size is always checked, its checksum if ``verify``.

    Raises:
        DataError: the file is missing, has another size, or (``verify``) another checksum than when it was
        written.
    """
    path = folder / entry.file
    way_out = "Prepare the data set again (`tamis data prepare ... --force`)."
    if not path.is_file():
        raise DataError(f"{path} is missing from the encoded data set. {way_out}")
    size = path.stat().st_size
    if size != entry.bytes:
        raise DataError(f"{path} must hold {entry.bytes} bytes, as its manifest says; it holds {size}. {way_out}")
    if verify:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.sha256:
            raise DataError(
                f"{path} is damaged: its sha256 must be {entry.sha256[:12]}… as its manifest says; "
                f"got {found[:12]}…. {way_out}"
            )
    if size == 0:  # an empty file cannot be mapped
        return np.empty(entry.shape, dtype=entry.dtype)
    return np.memmap(path, dtype=entry.dtype, mode="r", shape=entry.shape)


def release(column: np.ndarray) -> None:
    """Give the mapped pages of ``column`` back to the system; they stay in its file cache.

    Without this, every page ever read counts as memory of the process, and memory would grow with the rows.
    """
    pages = column.base
    if isinstance(pages, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)
