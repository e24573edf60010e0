"""Rows set aside between two passes: each chunk a file, uncompressed Arrow, removed as soon as it is read again."""

import errno
import io
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from tamis.data.prefetch import prefetched

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Parts = Mapping[str, pl.DataFrame]
"""The rows of one chunk that belong to each split."""


class RowStore:
    """Chunks of rows on the disk, to be read once, in their order; signed whole numbers come back in a narrower type.

    The store is a convenience and must not be what fills the disk: when less room would be left than it takes
    itself, or than ``min_free_bytes``, it gives up (``is_complete`` is False) and removes what it has written.

    Example:
        >>> import tempfile
        >>> store = RowStore(Path(tempfile.mkdtemp()) / "rows")
        >>> store.add(2, {"train": pl.DataFrame({"age": [31, 4]})})
        >>> [(rows, parts["train"].rows()) for rows, parts in store.take()]
        [(2, [(31,), (4,)])]
    """

    def __init__(self, folder: Path, *, min_free_bytes: int = 0) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._chunks: list[tuple[int, tuple[str, ...]]] = []
        self.bytes = 0
        self.is_complete = True
        folder.mkdir()

    def add(self, rows: int, parts: Parts) -> None:
        """Set one chunk aside; ``rows`` is its number of rows before it was divided."""
        if not self.is_complete:
            return
        if any(dtype == pl.Object for frame in parts.values() for dtype in frame.dtypes):
            self.give_up()  # what has no bytes cannot be written; whoever reads the column says what is wrong
            return
        try:
            for name, frame in parts.items():
                self._write(self._path(len(self._chunks), name), frame)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            self.give_up()
            return
        self._chunks.append((rows, tuple(parts)))
        if shutil.disk_usage(self._folder).free < self.bytes + self._min_free_bytes:
            self.give_up()

    def take(self) -> Iterator[tuple[int, dict[str, pl.DataFrame]]]:
        """Each chunk once; its files are gone when the next one is asked for."""
        return prefetched(self._read_all())

    def give_up(self) -> None:
        """Remove every file."""
        self.is_complete = False
        self.bytes = 0
        self._chunks = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read_all(self) -> Iterator[tuple[int, dict[str, pl.DataFrame]]]:
        for number, (rows, names) in enumerate(self._chunks):
            parts = {}
            for name in names:
                path = self._path(number, name)
                parts[name] = pl.read_ipc(path.read_bytes())
                self.bytes -= path.stat().st_size
                path.unlink()
            yield rows, parts

    def _write(self, path: Path, frame: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        narrow = [column.shrink_dtype() if column.dtype.is_signed_integer() else column for column in frame]
        pl.DataFrame(narrow).write_ipc(buffer)
        with open(path, "wb") as file:
            self.bytes += file.write(buffer.getbuffer())

    def _path(self, number: int, name: str) -> Path:
        return self._folder / f"{number:06}-{name}.arrow"
