"""AUC (area under the receiver operating characteristic curve), exact."""

import math

import numpy as np

from tamis.metrics.ordering import run_starts, sort_by_probability
from tamis.metrics.scored_rows import RowStore, check_rows


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
    tie_starts = run_starts(scores)
    tie_positives = np.add.reduceat(labels, tie_starts, dtype=np.int64)
    tie_rows = np.diff(tie_starts, append=len(labels))
    tie_negatives = tie_rows - tie_positives
    negatives_below = np.cumsum(tie_negatives) - tie_negatives
    # Twice the won pairs, in whole numbers: a tie is worth one, so nothing is rounded before the last
    # division.
    twice_won = int((tie_positives * (2 * negatives_below + tie_negatives)).sum())
    return twice_won / (2 * positives * negatives)
