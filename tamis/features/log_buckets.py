"""Numbers as ids: logarithmic buckets."""

from functools import cached_property

import numpy as np
import polars as pl

from tamis.features.layout import FIRST_KNOWN, UNKNOWN
from tamis.features.vocabulary import Vocabulary

_LARGEST_WHOLE = 2.0**53
_DIRECT_SPAN = 1 << 20


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
