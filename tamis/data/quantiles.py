"""Exact values at given ranks of a column too long for memory: histograms refined pass by pass."""

import datetime
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tamis.data.readers.source import Source
from tamis.errors import ConfigError, DataError

_BINS = 1 << 16
_SIGN = np.uint64(1 << 63)


def sort_keys(times: pl.Series, *, where: str) -> np.ndarray:
    """Whole numbers (uint64) in the order of the times; datetimes count in microseconds.

    Raises:
        DataError: the times are text or something else without an order in time, or one is missing.

    Example:
        >>> sort_keys(pl.Series([-1, 0, 1]), where="time").argsort().tolist()
        [0, 1, 2]
    """
    if times.null_count() or (times.dtype.is_float() and times.is_nan().any()):
        raise DataError(
            f"{where}: splitting by time needs a time in every row; some are missing. "
            "Drop these rows, or choose another kind of split."
        )
    if times.dtype in (pl.Date, pl.Datetime):
        times = times.cast(pl.Datetime("us")).to_physical()
    if times.dtype.is_integer():
        return times.cast(pl.Int64).to_numpy().view(np.uint64) ^ _SIGN
    if times.dtype.is_float():
        # Positive floats sort like their bits; negative ones in reverse, below them. Adding 0 makes -0.0
        # equal to 0.0.
        bits = (times.cast(pl.Float64).to_numpy() + 0.0).view(np.uint64)
        return np.where(bits & _SIGN, ~bits, bits | _SIGN)
    raise DataError(
        f"{where}: splitting by time needs numbers, dates or datetimes; got {times.dtype}. Convert the column first."
    )


def sort_key_of(edge: float | str, dtype: pl.DataType, *, where: str) -> int:
    """The sort key of one boundary; an ISO date is UTC, and among numbers it counts as seconds since 1970.

    Raises:
        ConfigError: a text is not an ISO date, or a number meets a column of dates.

    Example:
        >>> seconds = pl.Int64()
        >>> sort_key_of("1970-01-02", seconds, where="") == sort_key_of(86_400.0, seconds, where="")
        True
    """
    is_date = dtype in (pl.Date, pl.Datetime)
    if isinstance(edge, str):
        try:
            moment = datetime.datetime.fromisoformat(edge)
        except ValueError:
            raise ConfigError(f'split boundary must be a number or a date like "2003-01-31"; got {edge!r}.') from None
        moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC)
        seconds = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(seconds=1)
    elif is_date:
        raise ConfigError(f'{where} holds dates; give the split boundary as a date like "2003-01-31"; got {edge!r}.')
    else:
        seconds = float(edge)
    if is_date:
        values = pl.Series([round(seconds * 1e6)], dtype=pl.Int64)
    elif dtype.is_integer():
        # The first whole number that is not below the boundary.
        values = pl.Series([int(np.ceil(seconds))], dtype=pl.Int64)
    else:
        values = pl.Series([seconds], dtype=pl.Float64)
    return int(sort_keys(values, where=where)[0])


def find_ranks(source: Source, column: str, fractions: Sequence[float]) -> list[int]:
    """For each fraction the sort key that stands at rank ``round(fraction * rows)`` of the sorted column.

    A first pass counts; each further pass counts, for every rank sought, the values in 65,536 bins of the
    span that is left, and keeps the bin in which the rank lies. Times in seconds need two such passes, any
    64-bit value four. A rank past the end gives a key above all values.

    Raises:
        DataError: a time is missing, or no row would be left to train.
    """
    where = f"{source.name}: column {column!r}"
    rows, low, high = 0, None, None
    for keys in _keys(source, column, where):
        rows += len(keys)
        low = int(keys.min()) if low is None else min(low, int(keys.min()))
        high = int(keys.max()) if high is None else max(high, int(keys.max()))
    if low is None or high is None:
        raise DataError(f"{source.name}: has no rows. Give a source with at least one row.")
    ranks = [round(fraction * rows) for fraction in fractions]
    found = [high + 1 if rank >= rows else low for rank in ranks]
    # A search is the first key of its span, the span's size in bits, and the rank within the span.
    bits = (high - low).bit_length()
    spans = {i: (low, bits, rank) for i, rank in enumerate(ranks) if rank < rows}
    while any(size for _, size, _ in spans.values()):
        counts = {i: np.zeros(_BINS, dtype=np.int64) for i in spans}
        for keys in _keys(source, column, where):
            for i, (start, size, _) in spans.items():
                inside = keys[(keys >= np.uint64(start)) & (keys <= np.uint64(min(start + (1 << size), 1 << 64) - 1))]
                bins = (inside - np.uint64(start)) >> np.uint64(max(size - 16, 0))
                counts[i] += np.bincount(bins.astype(np.int64), minlength=_BINS)
        for i, (start, size, rank) in spans.items():
            upto = np.cumsum(counts[i])
            chosen = int(np.searchsorted(upto, rank, side="right"))
            before = int(upto[chosen - 1]) if chosen else 0
            left = max(size - 16, 0)
            spans[i] = (start + (chosen << left), left, rank - before)
    for i, (start, _, _) in spans.items():
        found[i] = start
    if found[0] == low:
        raise DataError(
            f"{where}: the earliest {fractions[0]:.0%} of the rows all have one time, and rows of one time "
            "stay together, "
            "so that no row is left to train. Choose boundaries, or another kind of split."
        )
    return found


def _keys(source: Source, column: str, where: str) -> Iterator[np.ndarray]:
    for chunk in source.chunks([column]):
        yield sort_keys(chunk[column], where=where)
