"""Paired bootstrap of AUCs: what other draws of the same number of rows would have said."""

from collections.abc import Sequence

import numpy as np

_MOST_NUMBERS = 2**22
"""Draws are worked on so many row weights at a time: memory does not grow with the number of draws."""


def bootstrap_aucs(labels: np.ndarray, sides: Sequence[np.ndarray], *, draws: int = 1000, seed: int = 0) -> np.ndarray:
    """The AUC of each of ``sides`` for each of ``draws`` draws of rows with replacement.

    All are scored on the very rows of each draw, so that the difference of two lines is that of a paired bootstrap.
    With several seeds a draw's AUC is the mean over them. A draw without a row of each class, which only tiny sets
    have, is *nan*.

    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 6.

    Shape:
        - labels: ``(rows,)`` of 0 and 1
        - sides: each ``(seeds, rows)`` scores, or ``(rows,)`` of a single seed
        - output: ``(sides, draws)``

    Example:
        >>> labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.8, 0.2])
        >>> bootstrap_aucs(labels, [scores, -scores], draws=3).tolist()
        [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    generator = np.random.default_rng(seed)
    labels = np.asarray(labels, dtype=bool)
    rows, size = len(labels), max(1, _MOST_NUMBERS // len(labels))
    ranked = [[_Ranking(labels, scores) for scores in np.atleast_2d(side)] for side in sides]
    parts = []
    for start in range(0, draws, size):
        number = min(size, draws - start)
        # How often each row is in each draw.
        weights = generator.multinomial(rows, np.full(rows, 1.0 / rows), size=number).astype(np.float64)
        parts.append([np.mean([ranking.auc(weights) for ranking in side], axis=0) for side in ranked])
    return np.concatenate(parts, axis=1)


class _Ranking:
    """Rows sorted once by score, for the AUC of any weights on them."""

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        self._order = np.argsort(scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        self._labels = labels[self._order]

    def auc(self, weights: np.ndarray) -> np.ndarray:
        """The AUC of each line of ``weights``, ``(draws, rows)``."""
        weights = weights[:, self._order]
        positives = np.add.reduceat(weights * self._labels, self._starts, axis=1)
        negatives = np.add.reduceat(weights * ~self._labels, self._starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives
        won = (positives * (below + 0.5 * negatives)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return won / (positives.sum(axis=1) * negatives.sum(axis=1))
