"""Sums that do not depend on the order of the rows: fixed-point integers instead of floats."""

import numpy as np

FRACTION_BITS = 40
_SCALE = float(2**FRACTION_BITS)
_LARGEST_TERM = float(2**22)
_LOW_BITS = 31


class ExactSum:
    """The sum of many float64 terms, bit-identical whatever the order, the batches and the processes.

    Each term is rounded to a multiple of ``2**-40`` (an error of at most 4.6e-13 a row) and added as a whole
    number, because floating point addition depends on its order and whole-number addition does not.

    Raises:
        ValueError: a term is not finite or not smaller than ``2**22``, so that 64 bits cannot hold it.

    Example:
        >>> forward, backward = ExactSum(), ExactSum()
        >>> forward.add([0.1, 0.2, 0.3])
        >>> backward.add([0.3, 0.2])
        >>> backward.add([0.1])
        >>> forward.units == backward.units
        True
        >>> round(forward.value, 9)
        0.6
    """

    def __init__(self) -> None:
        self.units = 0

    def add(self, terms: np.typing.ArrayLike) -> None:
        """Add every term, in any order."""
        self.units += sum_units(to_units(np.asarray(terms, dtype=np.float64)))

    def merge(self, other: "ExactSum") -> None:
        """Add what another process has summed."""
        self.units += other.units

    @property
    def value(self) -> float:
        """The sum as a float, rounded once."""
        return self.units / 2**FRACTION_BITS


def to_units(terms: np.ndarray) -> np.ndarray:
    """Round each float64 term to a whole number of ``2**-40``.

    Shape:
        - terms, output: ``(rows,)``

    Example:
        >>> to_units(np.array([1.0, 0.5])) / 2**40
        array([1. , 0.5])
    """
    if terms.size and not np.abs(terms).max() < _LARGEST_TERM:
        worst = terms[np.argmax(np.where(np.isnan(terms), np.inf, np.abs(terms)))]
        raise ValueError(f"an exact sum takes finite terms below 2**22; got {worst}. Scale the terms down.")
    return np.rint(terms * _SCALE).astype(np.int64)


def sum_units(units: np.ndarray) -> int:
    """Add int64 units without overflow: high and low bits are summed apart."""
    return (int((units >> _LOW_BITS).sum()) << _LOW_BITS) + int((units & (2**_LOW_BITS - 1)).sum())


def sum_units_by_run(units: np.ndarray, starts: np.ndarray) -> list[int]:
    """Add the units of each run of rows; run ``i`` goes from ``starts[i]`` up to the next start.

    Shape:
        - units: ``(rows,)``
        - starts: ``(runs,)``, ascending, no empty run
        - output: one whole number a run

    Example:
        >>> sum_units_by_run(np.array([1, 2, 3, 4]), np.array([0, 3]))
        [6, 4]
    """
    if not starts.size:
        return []
    high = np.add.reduceat(units >> _LOW_BITS, starts).tolist()
    low = np.add.reduceat(units & (2**_LOW_BITS - 1), starts).tolist()
    return [(upper << _LOW_BITS) + lower for upper, lower in zip(high, low, strict=True)]
