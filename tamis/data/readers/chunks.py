"""What every reader does alike: choose columns, cut frames into chunks of one size, take the first rows."""

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from tamis.config import suggest
from tamis.errors import DataError

CHUNK_ROWS = 65_536
"""Enough to make each operation on a column cheap, few enough that a wide chunk stays near 100 MB."""


def choose_columns(name: str, available: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The wanted columns, all of them when ``wanted`` is None, after checking that each one exists.

    Raises:
        DataError: a wanted column is not in ``available``.

    Example:
        >>> choose_columns("log.csv", ["user", "click"], ["click"])
        ('click',)
        >>> choose_columns("log.csv", ["user", "click"], ["clik"])
        Traceback (most recent call last):
        tamis.errors.DataError: log.csv: has no column 'clik'. Did you mean 'click'?
    """
    if wanted is None:
        return tuple(available)
    for column in wanted:
        if column not in available:
            raise DataError(f"{name}: has no column {column!r}. {suggest(column, available)}")
    return tuple(dict.fromkeys(wanted))


def resize_chunks(frames: Iterable[pl.DataFrame], *, rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
    """The same rows in chunks of exactly ``rows`` rows (the last may be shorter); holds about one chunk.

    Example:
        >>> frames = [pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [2, 3]})]
        >>> [chunk["x"].to_list() for chunk in resize_chunks(frames, rows=2)]
        [[1, 2], [3]]
    """
    held: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        held.append(frame)
        count += len(frame)
        if count < rows:
            continue
        joined = pl.concat(held) if len(held) > 1 else held[0]
        whole = count - count % rows
        for start in range(0, whole, rows):
            yield joined.slice(start, rows)
        held = [joined.slice(whole)] if whole < count else []
        count -= whole
    if count:
        yield pl.concat(held)


def first_rows(chunks: Iterable[pl.DataFrame], rows: int) -> pl.DataFrame:
    """The first ``rows`` rows of ``chunks``, reading no further than needed."""
    held: list[pl.DataFrame] = []
    missing = rows
    for chunk in chunks:
        held.append(chunk.head(missing))
        missing -= len(held[-1])
        if missing <= 0:
            break
    return pl.concat(held) if held else pl.DataFrame()


def plain_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Dictionary columns as text: their codes differ from file to file and mean nothing outside of one."""
    names = [name for name, dtype in frame.schema.items() if dtype in (pl.Categorical, pl.Enum)]
    return frame.with_columns(pl.col(names).cast(pl.String)) if names else frame
