"""Zipf's law: of ``size`` ids, number ``k`` (from 0) is as frequent as ``(k + 1) ** -exponent``."""

import numpy as np

_HEAD = 65_536


class Zipf:
    """Ids by Zipf's law from uniform draws, with a small table however many ids there are.

    The first 65,536 ids are looked up. Further down the sum over ids is replaced by the integral over the
    reals, id ``k`` taking from ``k + 1/2`` to ``k + 3/2``, which can be inverted in closed form; that moves no
    chance by more than a billionth of itself.

    Example:
        >>> zipf = Zipf(size=3, exponent=1.0)
        >>> zipf.chances().round(4).tolist()
        [0.5455, 0.2727, 0.1818]
        >>> zipf.ids(np.array([0.0, 0.54, 0.55, 0.99])).tolist()
        [0, 0, 1, 2]
    """

    def __init__(self, *, size: int, exponent: float) -> None:
        self.size = size
        self.exponent = exponent
        self._head = min(size, _HEAD)
        sums = np.cumsum(np.arange(1, self._head + 1, dtype=np.float64) ** -exponent)
        start, end = self._head + 0.5, size + 0.5
        self._total = float(sums[-1]) + (_integral(start, end, exponent) if size > self._head else 0.0)
        self._ends = sums / self._total

    def ids(self, draws: np.ndarray) -> np.ndarray:
        """The id in whose share of [0, 1) each draw falls; frequent ids come first."""
        ids = np.searchsorted(self._ends, draws, side="right")
        if self.size > self._head:
            is_tail = ids == self._head
            beyond = (draws[is_tail] - self._ends[-1]) * self._total
            places = _invert_integral(self._head + 0.5, beyond, self.exponent)
            # Rounding may carry a draw at the very end past the last id.
            ids[is_tail] = np.clip(np.floor(places - 0.5).astype(ids.dtype), self._head, self.size - 1)
        return ids

    def chances(self) -> np.ndarray:
        """The chance of every id.

        Shape:
            - output: ``(size,)`` float64
        """
        return np.arange(1, self.size + 1, dtype=np.float64) ** -self.exponent / self._total


def _integral(start: float, end: float, exponent: float) -> float:
    """The integral of ``x ** -exponent``; written so that it is exact near exponent 1 too."""
    power = 1.0 - exponent
    log_ratio = np.log(end / start)
    return float(log_ratio if power == 0 else start**power * np.expm1(power * log_ratio) / power)


def _invert_integral(start: float, area: np.ndarray, exponent: float) -> np.ndarray:
    """The end at which the integral from ``start`` reaches ``area``."""
    power = 1.0 - exponent
    log_ratio = area if power == 0 else np.log1p(power * area / start**power) / power
    return start * np.exp(log_ratio)
