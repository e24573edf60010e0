"""Do two scores of the same rows differ in AUC, for all that the rows are a sample?"""

import numpy as np


def auc_difference(labels: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """AUC of ``one`` less AUC of ``other``, and the variance of that difference over draws of rows.

    Source: DeLong et al. 1988, equations 4 to 6, for two scores; the places of rows by ranks as in Sun and Xu 2014.

    Shape:
        - labels, one, other: ``(rows,)``, labels true for clicks

    Example:
        >>> labels = np.array([True, False, True, False])
        >>> scores = np.array([0.9, 0.1, 0.8, 0.3])
        >>> auc_difference(labels, scores, scores)
        (0.0, 0.0)
    """
    difference = 0.0
    variance = 0.0
    won_by_positives, won_by_negatives = zip(*(_shares_won(labels, scores) for scores in (one, other)), strict=True)
    for first, second in (won_by_positives, won_by_negatives):
        gaps = first - second
        difference = float(gaps.mean())  # the same for positives as for negatives
        variance += float(gaps.var(ddof=1)) / len(gaps)
    return difference, variance


def _shares_won(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each positive the share of negatives below it, for each negative that of positives above; a tie is half."""
    positives, negatives = scores[labels], scores[~labels]
    return _share_below(positives, negatives), 1 - _share_below(negatives, positives)


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return (below + not_above) / (2 * len(others))
