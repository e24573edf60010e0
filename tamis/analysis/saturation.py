"""Does a model still gain from size, or has it had enough? A slope and its interval, against a written threshold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tamis.analysis.significance import AucSide, Comparison, holm, weigh_auc
from tamis.errors import DataError

LEVEL = 0.05
_DECADE = 10.0
_ABOUT = 1.25  # sizes that are meant to be equal are so within the tolerance of a budget
_LEAST_SIZES = 3

Word = Literal["still gains", "saturates", "not told apart"]

Curve: TypeAlias = tuple[Sequence[float], Sequence[AucSide]]
"""Sizes, and the AUC at each."""


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """What the last sizes say.

    ``slope`` is AUC gained by ten times the size over ``window``, the last decade, ``overall`` the same over all sizes.
    ``from_size`` is the smallest size from which on a model that saturates gains less than the threshold.
    """

    verdict: Word
    from_size: float | None
    slope: Comparison
    overall: Comparison
    window: tuple[float, float]
    reason: str


def judge_saturation(sizes: Sequence[float], sides: Sequence[AucSide], *, threshold: float) -> Saturation:
    """Say whether the AUC still grows with the size of a model.

    The slope of AUC over ``log10 N`` in the last decade of sizes (at least the last three) is a weighted sum of AUCs on
    the same test rows, so rows and seeds both count in its 95 % interval.

    - *still gains*: the interval lies above 0. A flat curve is called so in at most 2.5 % of cases.
    - *saturates*: it lies below ``threshold``. A curve that gains more a decade is called so in at most 2.5 % of cases.
    - *not told apart*: neither; more seeds, sizes or test rows would tell. Also with one seed a size, whose luck nobody
      knows. A slope surely above 0 and below the threshold saturates: it gains, and not enough to matter.

    The size it saturates from is found backwards from the window, one smaller size after the other, as long as the
    slope from there on lies below the threshold, and the largest size is not told better than it (all such pairs under
    Holm's correction). It stops where one fails, so that the steps need no correction among each other.

    Raises:
        DataError: there are fewer than three sizes, or they are not ascending.
    """
    start = _start_of_last_decade(sizes)
    slope, overall = (_slope(sizes[first:], sides[first:]) for first in (start, 0))
    window = (float(sizes[start]), float(sizes[-1]))

    def found(verdict: Word, reason: str, from_size: float | None = None) -> Saturation:
        return Saturation(
            verdict=verdict, from_size=from_size, slope=slope, overall=overall, window=window, reason=reason
        )

    if slope.seeds_error is None:
        return found("not told apart", "one seed a size says nothing of the luck of seeds")
    if slope.high < threshold:
        first = _first_flat(sizes, sides, start, threshold)
        falls = "; it even falls" if slope.high < 0 else ""
        return found("saturates", f"surely less than the threshold{falls}", float(sizes[first]))
    if slope.low > 0:
        return found("still gains", "surely more than nothing")
    return found("not told apart", "nothing and more than the threshold are both possible")


def compare_slopes(one: Curve, other: Curve) -> Comparison:
    """By how much more AUC ``one`` gains than ``other`` by ten times the size, over the last decade that both have.

    Where one curve ends earlier, the larger sizes of the other stay out: curves are steeper where models are small.
    Both curves are of models on the same test rows; rows and seeds both count in its 95 % interval, as they do in
    ``judge_saturation``.

    Raises:
        DataError: the curves have fewer than three such sizes, or they are not ascending.
    """
    end = _ABOUT * min((sizes[-1] for sizes, _ in (one, other) if len(sizes)), default=0.0)
    sides, weights = [], []
    for sign, (all_sizes, at_sizes) in ((1.0, one), (-1.0, other)):
        sizes = [size for size in all_sizes if size <= end]
        start = _start_of_last_decade(sizes)
        sides += at_sizes[start : len(sizes)]
        weights += [sign * weight for weight in slope_weights(sizes[start:])]
    return weigh_auc(sides, weights)


def slope_weights(sizes: Sequence[float]) -> list[float]:
    """The weights on the values at ``sizes`` whose sum is the slope a tenfold size, by least squares.

    Example:
        >>> slope_weights([10, 100, 1000])
        [-0.5, 0.0, 0.5]
    """
    logs = np.array([math.log10(size) for size in sizes])
    off = logs - logs.mean()
    return (off / (off**2).sum()).tolist()


def _start_of_last_decade(sizes: Sequence[float]) -> int:
    """The place of its first size, which is about a tenth of the last; at least three belong to it."""
    if len(sizes) < _LEAST_SIZES:
        raise DataError(f"saturation needs at least {_LEAST_SIZES} sizes; got {list(sizes)}. Train more sizes.")
    if any(first >= second for first, second in zip(sizes, sizes[1:], strict=False)):
        raise DataError(
            f"saturation needs sizes in ascending order, no two of them equal; got {list(sizes)}. "
            "Sort the curve by size, and of points of one size keep one."
        )
    first = next(place for place, size in enumerate(sizes) if size * _DECADE * _ABOUT >= sizes[-1])
    return min(first, len(sizes) - _LEAST_SIZES)


def _slope(sizes: Sequence[float], sides: Sequence[AucSide]) -> Comparison:
    return weigh_auc(sides, slope_weights(sizes))


def _first_flat(sizes: Sequence[float], sides: Sequence[AucSide], start: int, threshold: float) -> int:
    against = [weigh_auc([sides[-1], side], (1.0, -1.0)) for side in sides[:-1]]
    corrected = holm([result.p_value for result in against])
    first = start
    while first > 0:
        is_better = corrected[first - 1] < LEVEL and against[first - 1].difference > 0
        if is_better or _slope(sizes[first - 1 :], sides[first - 1 :]).high >= threshold:
            break
        first -= 1
    return first
