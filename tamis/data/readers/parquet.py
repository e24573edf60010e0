"""Parquet: one file, or a folder of part files with the same columns."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.data.readers.byte_stream import check_file
from tamis.data.readers.chunks import CHUNK_ROWS, choose_columns, first_rows, plain_columns, resize_chunks
from tamis.errors import DataError


class ParquetSource:
    """Rows of a Parquet file, or of all ``*.parquet`` files of a folder in the order of their names.

    Raises:
        DataError: nothing to read, not Parquet, no rows, or the parts have different columns.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "log.parquet"
        >>> pl.DataFrame({"user": [7, 8], "click": [0, 1]}).write_parquet(path)
        >>> [chunk["click"].to_list() for chunk in ParquetSource(path).chunks(["click"])]
        [[0, 1]]
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        path = Path(path)
        self.name = name or path.name
        self.files = tuple(sorted(path.glob("*.parquet"))) if path.is_dir() else (path,)
        if not self.files:
            raise DataError(f"{path}: the folder holds no .parquet file. Name a folder that does, or one file.")
        self.columns: tuple[str, ...] = ()
        self.rows = 0
        for file in self.files:
            with _open(file) as parquet:
                columns = tuple(parquet.schema_arrow.names)
                self.rows += parquet.metadata.num_rows
            self.columns = self.columns or columns
            if columns != self.columns:
                raise DataError(
                    f"{file}: must have the same columns as {self.files[0].name}, {list(self.columns)}; "
                    f"got {list(columns)}. Rewrite the parts with one set of columns."
                )
        if self.rows == 0:
            raise DataError(f"{path}: has columns but no rows. Write at least one row.")

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in file order; text written as a dictionary comes as plain text."""
        chosen = choose_columns(self.name, self.columns, columns)
        return resize_chunks(frame for file in self.files for frame in _frames(file, chosen))

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self.chunks(), rows)


def _open(path: Path) -> pq.ParquetFile:
    check_file(path)
    try:
        # Without pre-buffering, and with a small read buffer, a row group of any size is read page by page.
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: is not a whole Parquet file ({_first_line(error)}). Get it again.") from None


def _frames(path: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    with _open(path) as parquet:
        batches = parquet.iter_batches(batch_size=CHUNK_ROWS, columns=list(columns))
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowInvalid, OSError) as error:
                raise DataError(f"{path}: is damaged ({_first_line(error)}). Get it again.") from None
            if batch is None:
                return
            frame = pl.from_arrow(pa.Table.from_batches([batch]))
            assert isinstance(frame, pl.DataFrame)
            yield plain_columns(frame).select(columns)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
