"""The Bayes bound: what a model that knew the true chance of every row would reach, on average over the labels."""

import math

import numpy as np

from tamis.errors import DataError


class BayesBound:
    """Expected AUC and log loss of the true chances themselves; no model can be expected to do better.

    The AUC is over expected pairs: rows ``i`` and ``j`` are a positive and a negative with chance
    ``p_i (1 - p_j)``. Of a pair with ``p_i > p_j`` that weight is won and ``p_j (1 - p_i)`` lost, and the
    difference is ``p_i - p_j``; so ``AUC = 1/2 + sum over pairs |p_i - p_j| / (2 sum over i != j p_i (1 - p_j))``,
    which sorting makes a single sum. Where all chances are alike it is exactly 1/2. The log loss is the mean
    entropy of a row, in nats.

    Source: the numerator is Gini's mean difference (Gini 1912) of the chances.

    Example:
        >>> bound = BayesBound()
        >>> bound.update(np.array([0.1, 0.2, 0.7]))
        >>> {name: round(value, 4) for name, value in bound.compute().items()}
        {'rows': 3, 'positive_rate': 0.3333, 'auc': 0.8896, 'log_loss': 0.4788, 'normalised_entropy': 0.7522}
    """

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []

    def update(self, chances: np.ndarray) -> None:
        """Take in the true chances of some rows.

        Raises:
            DataError: a chance is not a number between 0 and 1.
        """
        chances = np.asarray(chances, dtype=np.float64)
        is_fine = (chances >= 0) & (chances <= 1)
        if not is_fine.all():
            raise DataError(f"a chance must be a number from 0 to 1; got {chances[~is_fine][0]}.")
        self._parts.append(chances)

    def merge(self, other: "BayesBound") -> None:
        """Take in the rows another process has seen."""
        self._parts += other._parts

    def compute(self) -> dict[str, float]:
        """``rows``, ``positive_rate``, ``auc``, ``log_loss`` and ``normalised_entropy``; *nan* where undefined."""
        # Sorted, the rows stand in one order however they came, and so do the roundings of the sums.
        chances = np.sort(np.concatenate([np.zeros(0), *self._parts]))
        rows = len(chances)
        if not rows:
            return {"rows": 0} | dict.fromkeys(("positive_rate", "auc", "log_loss", "normalised_entropy"), math.nan)
        rate, log_loss = float(chances.mean()), float(_entropies(chances).mean())
        entropy_of_rate = float(_entropies(np.array([rate]))[0])
        return {
            "rows": rows,
            "positive_rate": rate,
            "auc": auc_of_sorted_chances(chances),
            "log_loss": log_loss,
            "normalised_entropy": log_loss / entropy_of_rate if entropy_of_rate else math.nan,
        }


def auc_of_sorted_chances(chances: np.ndarray) -> float:
    """The expected AUC of chances in ascending order; *nan* where no pair can be a positive and a negative.

    Shape:
        - chances: ``(rows,)`` float64
    """
    rows = len(chances)
    pairs = float(chances.sum() * (1.0 - chances).sum() - (chances * (1.0 - chances)).sum())
    if rows < 2 or pairs <= 0:
        return math.nan
    # Row k, counted from 0, is the larger one of k pairs and the smaller one of the rest. What all chances have
    # in common cancels; taken away before, it leaves exact zeros where they are alike.
    larger_less_smaller = 2.0 * np.arange(rows) - (rows - 1)
    differences = float(np.sum(larger_less_smaller * (chances - chances[0])))
    return 0.5 + differences / (2.0 * pairs)


def _entropies(chances: np.ndarray) -> np.ndarray:
    """The entropy of each row's label, in nats; of a certain one it is 0."""
    other = 1.0 - chances
    tiny = np.finfo(np.float64).tiny
    return -(chances * np.log(np.maximum(chances, tiny)) + other * np.log(np.maximum(other, tiny)))
