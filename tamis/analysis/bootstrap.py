"""Paired bootstrap of AUCs: what other draws of the same number of rows would have said."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

_MOST_THREADS = 8
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
    seeds = [np.atleast_2d(side) for side in sides]
    parts = []
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads:
        ranked = list(threads.map(partial(_Ranking, labels), [scores for side in seeds for scores in side]))
        for start in range(0, draws, size):
            number = min(size, draws - start)
            # How often each row is in each draw.
            counts = generator.multinomial(rows, np.full(rows, 1.0 / rows), size=number)
            # A row's numbers in all draws lie side by side, as they are looked up together.
            weights = np.ascontiguousarray(counts.T, dtype=np.float64)
            aucs = threads.map(lambda ranking, weights=weights: ranking.auc(weights), ranked)
            parts.append([np.mean([next(aucs) for _ in side], axis=0) for side in seeds])
    return np.concatenate(parts, axis=1)


class _Ranking:
    """Rows of each class in the order of their scores, found once for the AUC of any weights on them."""

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        negatives, positives = (
            rows[np.argsort(scores[rows], kind="stable")] for rows in (np.flatnonzero(~labels), np.flatnonzero(labels))
        )
        self._negatives, self._positives = negatives, positives
        # Of each positive row, how many negative ones lie below it, and below or level with it.
        self._below, self._up_to = (
            np.searchsorted(scores[negatives], scores[positives], side) for side in ("left", "right")
        )

    def auc(self, weights: np.ndarray) -> np.ndarray:
        """The AUC of each column of ``weights``, ``(rows, draws)``; their sums are whole numbers, so exactly."""
        beaten = np.zeros((len(self._negatives) + 1, weights.shape[1]))
        np.cumsum(weights.take(self._negatives, axis=0), axis=0, out=beaten[1:])
        positives = weights.take(self._positives, axis=0)
        level = beaten.take(self._below, axis=0)
        level += beaten.take(self._up_to, axis=0)
        won = np.einsum("rd,rd->d", positives, level)
        with np.errstate(invalid="ignore"):
            return 0.5 * won / (positives.sum(axis=0) * beaten[-1])
