"""Numbers as numbers: brought to mean 0 and standard deviation 1."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

_LARGEST = float(np.finfo(np.float32).max)
LARGEST_SQUARED = 1e150
_LOW_BITS = 27
_MIN_EXPONENT, _MAX_EXPONENT = -1073, 1024


@dataclass(frozen=True, kw_only=True)
class Standardise:
    """``(x - mean) / std``, in the logarithmic form of ``sign(x) * log(1 + |x|)``.

    A missing number becomes 0, the mean. Where training met missing numbers a second column says so: 1 for
    missing. A constant column has ``std`` 1.

    Example:
        >>> scale = Standardise(is_logarithmic=False, mean=2.0, std=0.5, has_missing=True)
        >>> scale.encode(np.array([3.0, np.nan])).tolist()
        [[2.0, 0.0], [0.0, 1.0]]
    """

    is_logarithmic: bool
    mean: float
    std: float
    has_missing: bool

    @property
    def width(self) -> int:
        """The number of dense columns."""
        return 2 if self.has_missing else 1

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """The standardised numbers.

        Shape:
            - numbers: ``(rows,)`` float64, NaN where missing
            - output: ``(rows, width)`` float32
        """
        is_missing = np.isnan(numbers)
        values = (signed_log(numbers) if self.is_logarithmic else numbers) - self.mean
        values /= self.std
        values[is_missing] = 0.0
        np.clip(values, -_LARGEST, _LARGEST, out=values)
        result = np.empty((len(numbers), self.width), dtype=np.float32)
        result[:, 0] = values
        if self.has_missing:
            result[:, 1] = is_missing
        return result


def signed_log(numbers: np.ndarray) -> np.ndarray:
    """``sign(x) * log(1 + |x|)`` of each number, ``(rows,)`` float64.

    Example:
        >>> signed_log(np.array([0.0, -1.0])).round(4).tolist()
        [0.0, -0.6931]
    """
    return np.copysign(np.log1p(np.abs(numbers)), numbers)


class Moments:
    """Mean and standard deviation of numbers in chunks; the same bits whatever the order and the cuts."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum, self._sum_of_squares = ExactSum(), ExactSum()

    def add(self, numbers: np.ndarray) -> None:
        """Take in one chunk, ``(rows,)`` float64, finite and at most LARGEST_SQUARED in size."""
        self._rows += len(numbers)
        self._sum.add(numbers)
        self._sum_of_squares.add(numbers * numbers)

    def mean_and_std(self) -> tuple[float, float]:
        """The mean and the population standard deviation, 1 where all numbers are equal or there are none."""
        if not self._rows:
            return 0.0, 1.0
        mean = self._sum.total() / self._rows
        mean_square = self._sum_of_squares.total() / self._rows
        variance = mean_square - mean * mean
        # the squares are rounded: below that a constant column cannot be told from noise
        is_constant = variance <= mean_square / 2**50
        return float(mean), 1.0 if is_constant else math.sqrt(variance)


class ExactSum:
    """The sum of floats without any rounding: whole numbers, one for each exponent.

    Adding in floating point would make the result depend on the borders of the chunks in its last bits, and
    with it the fingerprint of the encoders.

    Example:
        >>> total = ExactSum()
        >>> total.add(np.array([1e17, 1.0, -1e17]))
        >>> float(total.total())
        1.0
    """

    def __init__(self) -> None:
        size = _MAX_EXPONENT - _MIN_EXPONENT + 1
        self._high = np.zeros(size, dtype=np.int64)
        self._low = np.zeros(size, dtype=np.int64)

    def add(self, numbers: np.ndarray) -> None:
        """Add ``(rows,)`` float64, finite; at most 2**26 rows at a time."""
        fractions, exponents = np.frexp(numbers)
        mantissas = np.ldexp(fractions, 53).astype(np.int64)
        places = exponents - _MIN_EXPONENT
        # halves of a mantissa are below 2**27, so the float sums of bincount are exact
        for sums, part in (
            (self._high, mantissas >> _LOW_BITS),
            (self._low, mantissas & ((1 << _LOW_BITS) - 1)),
        ):
            found = np.bincount(places, weights=part).astype(np.int64)
            sums[: len(found)] += found

    def total(self) -> Fraction:
        """The sum, as a ratio of whole numbers."""
        result = Fraction(0)
        for place in np.flatnonzero((self._high != 0) | (self._low != 0)).tolist():
            mantissas = (int(self._high[place]) << _LOW_BITS) + int(self._low[place])
            result += mantissas * Fraction(2) ** (place + _MIN_EXPONENT - 53)
        return result
