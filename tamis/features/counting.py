"""How often each value occurs, counted chunk by chunk; memory grows with the distinct values only."""

import numpy as np
import polars as pl

_MERGE_ROWS = 1 << 17


class ValueCounter:
    """Counts texts over many chunks, exactly.

    Counts of single chunks wait until they are as many as the merged ones (at least 131,072) and are then
    merged in one go: each entry is touched a few times in all, not once a chunk, and at most twice the
    distinct values are held.

    Example:
        >>> counter = ValueCounter()
        >>> counter.add(pl.Series(["b", "a", "b", None]))
        >>> counter.counts(min_count=1).rows(), counter.missing
        ([('b', 2), ('a', 1)], 1)
    """

    def __init__(self) -> None:
        self.missing = 0
        self._merged = pl.DataFrame(schema={"key": pl.String, "count": pl.Int64})
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0

    def add(self, keys: pl.Series) -> None:
        """Count the texts of one chunk; nulls are counted as missing."""
        self._count(keys)

    def add_numbers(self, numbers: pl.Series) -> None:
        """Count whole numbers, each under its decimal text."""
        self._count(numbers)

    def add_counts(self, keys: pl.Series, counts: np.ndarray) -> None:
        """Add what was counted elsewhere; a text with count 0 was not met."""
        self._wait(pl.DataFrame({"key": keys, "count": counts.astype(np.int64)}).filter(pl.col("count") > 0))

    def counts(self, *, min_count: int) -> pl.DataFrame:
        """The texts met at least ``min_count`` times: by falling count, then by the bytes of the text."""
        self._merge()
        frequent = self._merged.filter(pl.col("count") >= min_count)
        return frequent.sort("count", "key", descending=[True, False])

    def _count(self, values: pl.Series) -> None:
        self.missing += values.null_count()
        frame = values.alias("key").to_frame().drop_nulls()
        counts = frame.group_by("key").agg(pl.len().cast(pl.Int64).alias("count"))
        self._wait(counts.with_columns(pl.col("key").cast(pl.String)))

    def _wait(self, counts: pl.DataFrame) -> None:
        self._waiting.append(counts)
        self._waiting_rows += counts.height
        if self._waiting_rows > max(_MERGE_ROWS, self._merged.height):
            self._merge()

    def _merge(self) -> None:
        if self._waiting:
            together = pl.concat([self._merged, *self._waiting])
            self._merged = together.group_by("key").agg(pl.col("count").sum())
            self._waiting, self._waiting_rows = [], 0
