"""Numbers as ids: buckets that hold equally many training rows."""

from dataclasses import dataclass

import numpy as np

from tamis.features.layout import FIRST_KNOWN, UNKNOWN

_MAX_POINTS = 100_000
_MERGE_POINTS = 1 << 17


@dataclass(frozen=True, kw_only=True)
class QuantileBuckets:
    """Ids of intervals in the order of the numbers; then, if training met it, missing.

    ``edges`` rise strictly; a number gets id ``2 +`` the number of edges below it, so an edge belongs to the
    interval on its left.

    Example:
        >>> buckets = QuantileBuckets(edges=(2.0, 4.0), missing_count=0)
        >>> buckets.encode(np.array([1.0, 2.0, 2.5, 9.0, np.nan])).tolist()
        [2, 2, 3, 4, 1]
    """

    edges: tuple[float, ...]
    missing_count: int

    @property
    def size(self) -> int:
        """The number of ids, padding and unknown included."""
        return FIRST_KNOWN + len(self.edges) + 1 + (self.missing_count > 0)

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """The id of the interval of each number.

        Shape:
            - numbers: ``(rows,)`` float64, NaN where missing
            - output: ``(rows,)`` int32
        """
        ids = np.searchsorted(np.asarray(self.edges), numbers, side="left").astype(np.int32) + np.int32(FIRST_KNOWN)
        ids[np.isnan(numbers)] = FIRST_KNOWN + len(self.edges) + 1 if self.missing_count else UNKNOWN
        return ids


class QuantileSketch:
    """How numbers are distributed, in bounded memory: at most 100,000 distinct points, each with its count.

    While there are fewer distinct numbers the counts are exact. Beyond, the lowest bits of the floating-point
    numbers are dropped, one at a time, until few enough distinct points are left: 100,000 points spread over
    the range where the data lie. The number of dropped bits is the smallest that suffices for all numbers
    together, so neither the order of the rows nor the borders of the chunks change the result.
    """

    def __init__(self) -> None:
        self._shift = 0
        self._points = np.empty(0, dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting_points = 0

    def add(self, numbers: np.ndarray) -> None:
        """Count the numbers of one chunk, ``(rows,)`` float64, finite."""
        points, counts = np.unique(_to_ordered(numbers) >> self._shift, return_counts=True)
        self._waiting.append((points, counts))
        self._waiting_points += len(points)
        if self._waiting_points > _MERGE_POINTS:
            self._merge()

    def edges(self, buckets: int) -> tuple[float, ...]:
        """The inner borders of ``buckets`` intervals of equal count.

        Border ``i`` is the smallest number that at least ``i / buckets`` of the rows do not exceed. Borders
        that coincide, because one number fills several intervals, become one; so there may be fewer
        intervals.
        """
        self._merge()
        if not len(self._points):
            return ()
        reached = np.cumsum(self._counts)
        # whole-number arithmetic: `i / buckets * rows` in floats would put some borders one row off
        needed = -(-np.arange(1, buckets) * reached[-1] // buckets)
        places = np.unique(np.searchsorted(reached, needed, side="left"))
        inner = places[places < len(self._points) - 1]
        # the largest number that falls on a point, so that the whole point lies left of its border
        largest = ((self._points[inner] + 1) << self._shift) - 1
        return tuple(_from_ordered(largest).tolist())

    def _merge(self) -> None:
        if self._waiting:
            points = np.concatenate([self._points, *(points for points, _ in self._waiting)])
            counts = np.concatenate([self._counts, *(counts for _, counts in self._waiting)])
            self._waiting, self._waiting_points = [], 0
            self._points, self._counts = _sum_by_point(points, counts)
        while len(self._points) > _MAX_POINTS:
            self._shift += 1
            self._points, self._counts = _sum_by_point(self._points >> 1, self._counts)


def _sum_by_point(points: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(points, kind="stable")
    points, counts = points[order], counts[order]
    starts = np.flatnonzero(np.diff(points, prepend=points[0] - 1)) if len(points) else np.empty(0, dtype=np.int64)
    return points[starts], np.add.reduceat(counts, starts) if len(starts) else counts


def _to_ordered(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of the floats: their bits, with those of negative ones turned over."""
    bits = (numbers + 0.0).view(np.int64)  # + 0.0 makes -0.0 the number 0.0
    return np.where(bits < 0, bits ^ np.int64(0x7FFFFFFFFFFFFFFF), bits)


def _from_ordered(ordered: np.ndarray) -> np.ndarray:
    bits = np.where(ordered < 0, ordered ^ np.int64(0x7FFFFFFFFFFFFFFF), ordered)
    return bits.view(np.float64)
