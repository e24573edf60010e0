"""Numbers as ids: logarithmic buckets."""

from functools import cached_property

import numpy as np
import polars as pl

from tamis.features.layout import FIRST_KNOWN, UNKNOWN
from tamis.features.vocabulary import Vocabulary

_LARGEST_WHOLE = 2.0**53
_DIRECT_SPAN = 1 << 20
_SMALL = 1 << 16


def log_bucket(numbers: np.ndarray) -> np.ndarray:
    """``floor(ln(x)^2)`` for x above 2, else x without its decimals, so that negative numbers keep apart.

    Source: the winners of the Criteo display advertising challenge 2014 (Juan, Zhuang, Chin); in the form of
    FuxiCTR, where the buckets of small and of large numbers may coincide (1 and 3 are both bucket 1).

    Shape:
        - numbers: ``(rows,)`` float64, finite
        - output: ``(rows,)`` int64

    Example:
        >>> log_bucket(np.array([-3.0, 0.0, 1.9, 2.0, 5.0, 100.0])).tolist()
        [-3, 0, 1, 2, 2, 21]
    """
    logarithm = np.log(np.maximum(numbers, 2.0))
    buckets = np.where(numbers > 2.0, logarithm * logarithm, numbers)
    large = np.floor(buckets)
    whole = np.where(numbers > 2.0, large, np.trunc(numbers))
    return np.maximum(whole, -_LARGEST_WHOLE).astype(np.int64)


class WholeCounter:
    """Counts the buckets of whole numbers: small ones as they are, so that each is put into its bucket once.

    Example:
        >>> counter = WholeCounter()
        >>> counter.add(np.array([100, 101, 2]))
        >>> [column.tolist() for column in counter.counts()]
        [[2, 21], [1, 2]]
    """

    def __init__(self) -> None:
        self._small = np.zeros(_SMALL, dtype=np.int64)
        self._large: dict[int, int] = {}

    def add(self, numbers: np.ndarray) -> None:
        """Count ``(rows,)`` whole numbers of any type."""
        is_small = _is_small(numbers)
        found = np.bincount(numbers[is_small])
        self._small[: len(found)] += found
        large = log_bucket(numbers[~is_small].astype(np.float64))
        for bucket, count in zip(*(a.tolist() for a in np.unique(large, return_counts=True)), strict=True):
            self._large[bucket] = self._large.get(bucket, 0) + count

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """The buckets met, and how often each was."""
        small = np.flatnonzero(self._small)
        buckets = np.concatenate([log_bucket(small.astype(np.float64)), np.array([*self._large], dtype=np.int64)])
        counts = np.concatenate([self._small[small], np.array([*self._large.values()], dtype=np.int64)])
        known, places = np.unique(buckets, return_inverse=True)
        sums = np.zeros(len(known), dtype=np.int64)
        np.add.at(sums, places, counts)
        return known, sums


class LogBuckets:
    """Ids of the logarithmic buckets that training met: a vocabulary of whole numbers."""

    def __init__(self, *, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    @property
    def size(self) -> int:
        """The number of ids, padding and unknown included."""
        return self.vocabulary.size

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """The id of the bucket of each number.

        Shape:
            - numbers: ``(rows,)`` float64, NaN where missing
            - output: ``(rows,)`` int32
        """
        is_missing = np.isnan(numbers)
        buckets = log_bucket(np.where(is_missing, 0.0, numbers))
        first, ids = self._direct
        if ids is not None:  # the ends of the table are unknown, so whatever lies outside may be moved there
            result = ids[np.clip(buckets, first, first + len(ids) - 1) - first]
        else:
            known, ids = self._sorted
            place = np.minimum(np.searchsorted(known, buckets), len(known) - 1)
            result = np.where(known[place] == buckets, ids[place], np.int32(UNKNOWN))
        result[is_missing] = self.vocabulary.missing_id
        return result

    def encode_whole(self, column: pl.Series) -> np.ndarray:
        """What ``encode`` gives for a column of whole numbers, null where missing; small ones are indices.

        Shape:
            - column: ``(rows,)`` of any whole type
            - output: ``(rows,)`` int32
        """
        numbers = column.fill_null(0).to_numpy()
        is_small = _is_small(numbers)
        if is_small.all():
            result = self._of_small.take(numbers)
        else:
            result = self._of_small.take(np.where(is_small, numbers, 0))
            result[~is_small] = self.encode(numbers[~is_small].astype(np.float64))
        result[column.is_null().to_numpy()] = self.vocabulary.missing_id
        return result

    @cached_property
    def _of_small(self) -> np.ndarray:
        return self.encode(np.arange(_SMALL, dtype=np.float64))

    @cached_property
    def _direct(self) -> tuple[int, np.ndarray | None]:
        """One less than the smallest bucket, and the ids from there on, or None if they lie far apart."""
        known, ids = self._sorted
        if not len(known):
            return 0, np.full(1, UNKNOWN, dtype=np.int32)
        first, last = int(known[0]) - 1, int(known[-1]) + 1
        if last - first > _DIRECT_SPAN:
            return first, None
        table = np.full(last - first + 1, UNKNOWN, dtype=np.int32)
        table[known - first] = ids
        return first, table

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        buckets = self.vocabulary.keys.cast(pl.Int64).to_numpy()
        order = np.argsort(buckets)
        return buckets[order], (order + FIRST_KNOWN).astype(np.int32)


def _is_small(numbers: np.ndarray) -> np.ndarray:
    return (numbers >= 0) & (numbers < _SMALL)
