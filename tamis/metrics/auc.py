"""AUC (area under the receiver operating characteristic curve), exact."""

import math

import numpy as np

from tamis.metrics.ordering import run_starts, sort_by_probability
from tamis.metrics.scored_rows import RowStore, check_rows

_BLOCK_ROWS = 1 << 16


class AUC:
    """The chance that a positive row scores above a negative one; a tie counts half.

    All scores are kept and ranked: no bins, so no error at low click rates. It is *nan* where there is no
    pair to compare, that is while only one class of labels has been seen.

    Source: Mann and Whitney 1947, the U statistic divided by the number of pairs.

    Example:
        >>> auc = AUC()
        >>> auc.update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        >>> auc.compute()
        0.75
    """

    def __init__(self) -> None:
        self._store = RowStore()

    def update(
        self,
        probabilities: np.typing.ArrayLike,
        labels: np.typing.ArrayLike,
        groups: np.typing.ArrayLike | None = None,
    ) -> None:
        """Take in some rows; ``groups`` is not used."""
        self._store.add(check_rows(probabilities, labels))

    def merge(self, other: "AUC") -> None:
        """Take in the rows another process has seen."""
        self._store.merge(other._store)

    def compute(self) -> float:
        """The AUC of all rows so far."""
        return auc_of_sorted(*sort_by_probability(self._store.join()))


def auc_of_sorted(scores: np.ndarray, labels: np.ndarray) -> float:
    """AUC of rows already in ascending order of score.

    Shape:
        - scores, labels: ``(rows,)``

    Example:
        >>> auc_of_sorted(np.array([0.5, 0.5]), np.array([False, True]))
        0.5
    """
    positives = int(np.count_nonzero(labels))
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    twice_won = negatives_below = start = 0
    while start < len(scores):
        # In blocks, so that what is worked out on the way does not grow with the rows; a block ends where a tie ends.
        last = scores[min(start + _BLOCK_ROWS, len(scores)) - 1]
        end = int(np.searchsorted(scores, last, side="right"))
        tie_starts = run_starts(scores[start:end])
        tie_positives = np.add.reduceat(labels[start:end], tie_starts, dtype=np.int64)
        tie_negatives = np.diff(tie_starts, append=end - start) - tie_positives
        below = negatives_below + np.cumsum(tie_negatives) - tie_negatives
        # Twice the won pairs, in whole numbers: a tie is worth one, so nothing is rounded before the last division.
        twice_won += int((tie_positives * (2 * below + tie_negatives)).sum())
        negatives_below += int(tie_negatives.sum())
        start = end
    return twice_won / (2 * positives * negatives)
