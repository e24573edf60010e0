"""Frames already in memory: Polars or pandas."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tamis.data.readers.chunks import CHUNK_ROWS, choose_columns, plain_columns
from tamis.errors import DataError


class FrameSource:
    """Rows of a Polars or pandas frame; a pandas NaN is a missing value.

    Raises:
        DataError: ``frame`` is neither, has no rows, or has a column name that is not text.

    Example:
        >>> source = FrameSource(pl.DataFrame({"user": [7, 8], "click": [0, 1]}))
        >>> source.columns
        ('user', 'click')
    """

    files: tuple[Path, ...] = ()

    def __init__(self, frame: Any, *, name: str = "frame") -> None:
        self.name = name
        self.frame = plain_columns(to_polars(frame))
        self.rows = len(self.frame)
        self.columns = tuple(self.frame.columns)
        if not self.rows:
            raise DataError(f"{name}: has no rows. Give a frame with at least one row.")

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Slices of the frame in order."""
        chosen = self.frame.select(choose_columns(self.name, self.columns, columns))
        return chosen.iter_slices(CHUNK_ROWS)

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return self.frame.head(rows)


def to_polars(frame: Any) -> pl.DataFrame:
    """A Polars frame as it is, a lazy one collected, a pandas one converted with NaN as missing.

    Raises:
        DataError: ``frame`` is none of these.

    Example:
        >>> import pandas
        >>> to_polars(pandas.DataFrame({"age": [30.0, float("nan")]}))["age"].to_list()
        [30.0, None]
        >>> to_polars([1, 2])
        Traceback (most recent call last):
        tamis.errors.DataError: a frame must be a polars or pandas DataFrame; got list. Convert it first.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    # Known by its module, so that pandas stays optional.
    if type(frame).__module__.partition(".")[0] == "pandas" and type(frame).__name__ == "DataFrame":
        strange = [column for column in frame.columns if not isinstance(column, str)]
        if strange:
            raise DataError(
                f"a pandas frame must have column names that are text; got {strange[0]!r}. "
                "Rename: frame.columns = frame.columns.map(str)."
            )
        return pl.from_pandas(frame, nan_to_null=True)
    raise DataError(f"a frame must be a polars or pandas DataFrame; got {type(frame).__name__}. Convert it first.")
