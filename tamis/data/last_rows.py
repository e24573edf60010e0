"""The last rows of each group of a log that never stands in memory as a whole."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from tamis.data.readers.chunks import resize_chunks
from tamis.data.readers.source import Source
from tamis.errors import DataError

_FOLD_ROWS = 1 << 20


def leave_last_rows(source: Source, *, group: str, time: str, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the validation rows and of the test rows, each ascending.

    Of each group, ordered by time and then by row number, the ``last`` latest rows are test rows and the
    ``last`` before them validation rows. Keeps ``2 * last`` rows a group.

    Raises:
        DataError: a column is missing, or a group or a time is.

    Example:
        >>> from tamis.data.readers.frame import FrameSource
        >>> log = FrameSource(pl.DataFrame({"user": [1, 1, 2, 1], "time": [30, 10, 5, 20]}))
        >>> valid, test = leave_last_rows(log, group="user", time="time", last=1)
        >>> valid.tolist(), test.tolist()
        ([3], [0, 2])
    """
    kept = pl.DataFrame()
    # A fold sorts what is kept with what is new; taking as much new as is kept makes it cost a fixed time a
    # row.
    for chunk in resize_chunks(_rows(source, group, time), rows=_FOLD_ROWS):
        kept = _keep_last(pl.concat([kept, chunk]) if len(kept) else chunk, 2 * last)
    from_end = kept.select(pl.col("row"), _from_end())
    test = from_end.filter(pl.col("from_end") < last)["row"]
    valid = from_end.filter(pl.col("from_end") >= last)["row"]
    return valid.sort().to_numpy(), test.sort().to_numpy()


def _rows(source: Source, group: str, time: str) -> Iterator[pl.DataFrame]:
    first = 0
    for chunk in source.chunks([group, time]):
        for column, role in ((group, "group"), (time, "time")):
            if chunk[column].null_count():
                raise DataError(
                    f"{source.name}: column {column!r}: leave_last needs a {role} in every row; some are "
                    "missing. "
                    "Drop these rows, or choose another kind of split."
                )
        numbers = pl.int_range(first, first + len(chunk), dtype=pl.Int64, eager=True)
        yield chunk.select(pl.col(group).alias("group"), pl.col(time).alias("time"), numbers.alias("row"))
        first += len(chunk)


def _keep_last(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    """The ``count`` latest rows of each group, sorted by group, time and row."""
    return frame.sort("group", "time", "row").filter(_from_end() < count)


def _from_end() -> pl.Expr:
    """For rows sorted within their group, how many rows of the group come after each."""
    return (pl.len() - 1 - pl.int_range(pl.len())).over("group").alias("from_end")
