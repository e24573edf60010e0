"""Is one model better than another, or only luckier with its test rows and its seeds?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tamis.analysis.uncertain_spread import UncertainSpread
from tamis.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One model less the other in one metric: the difference, its 95 % interval, and the chance of one so large.

    ``rows_error`` is the standard error that comes of the test rows being a sample, None where these were not asked;
    ``seeds_error`` is that of the seeds, None with a single seed on every side, where nothing is known of it. Then the
    interval and the chance are those of the rows alone, and tell nothing apart. ``spread`` is both together, for the
    reach of chance at other levels.
    """

    difference: float
    low: float
    high: float
    p_value: float
    rows_error: float | None
    seeds_error: float | None
    spread: UncertainSpread


def compare_auc(labels: np.ndarray, one: np.ndarray, other: np.ndarray) -> Comparison:
    """The AUC of ``one`` less that of ``other``, each the mean over its seeds, on the same rows.

    Two sources of chance add up. The rows: DeLong's variance, of places averaged over the seeds, as a mean of AUCs is a
    mean over the same pairs of rows. The seeds: the variance between them, which a few leave uncertain
    (``UncertainSpread``). What a seed does to single rows is in both, so that the error is a little too large, and the
    more the less the seeds move the AUC as a whole: at most by the root of two.

    Source: DeLong et al. 1988, equations 4 to 6; places from ranks as in Sun and Xu 2014; adding the seeds is ours.

    Shape:
        - labels: ``(rows,)`` of 0 and 1
        - one, other: ``(seeds, rows)`` scores, or ``(rows,)`` of a single seed

    Raises:
        DataError: shapes do not fit, or a class has fewer than two rows.

    Example:
        >>> labels = np.array([1, 0, 1, 0, 1, 0])
        >>> good = np.array([0.9, 0.2, 0.7, 0.3, 0.4, 0.6])
        >>> compare_auc(labels, good, good).difference
        0.0
    """
    return weigh_auc([auc_side(labels, one), auc_side(labels, other)], (1.0, -1.0))


@dataclass(frozen=True, kw_only=True)
class AucSide:
    """What one model's scores say of its AUC: the AUC of each seed, and the mean place of each row among the others.

    Shape:
        - positives, negatives: one place a row of that class, the mean over the seeds
    """

    values: tuple[float, ...]
    positives: np.ndarray
    negatives: np.ndarray


def auc_side(labels: np.ndarray, scores: np.ndarray) -> AucSide:
    """Place every row once, for any number of comparisons on the same rows.

    Shape:
        - labels: ``(rows,)`` of 0 and 1
        - scores: ``(seeds, rows)``, or ``(rows,)`` of a single seed

    Raises:
        DataError: shapes do not fit, or a class has fewer than two rows.
    """
    labels, scores = np.asarray(labels, dtype=bool), np.atleast_2d(scores)
    _check(labels, scores)
    places = [_places(labels, seed) for seed in scores]
    return AucSide(
        values=tuple(float(positives.mean()) for positives, _ in places),
        positives=np.mean([positives for positives, _ in places], axis=0),
        negatives=np.mean([negatives for _, negatives in places], axis=0),
    )


def weigh_auc(sides: Sequence[AucSide], weights: Sequence[float]) -> Comparison:
    """The sum of ``weights`` times AUCs of models on the same rows, judged as ``compare_auc`` judges a difference.

    With weights that add up to 0 it is a contrast: a difference, or a slope over the sizes of a model.

    Example:
        >>> labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.8, 0.2])
        >>> weigh_auc([auc_side(labels, scores)] * 2, (0.5, -0.5)).difference
        0.0
    """
    pairs = list(zip(sides, weights, strict=True))
    positives, negatives = (
        np.sum([weight * getattr(side, kind) for side, weight in pairs], axis=0) for kind in ("positives", "negatives")
    )
    rows_variance = sum(float(gaps.var(ddof=1)) / len(gaps) for gaps in (positives, negatives))
    return _judge([side.values for side in sides], weights, rows_variance)


def weigh_values(values: Sequence[Sequence[float]], weights: Sequence[float]) -> Comparison | None:
    """The sum of ``weights`` times the means of ``values``, each of some seeds, with the seeds as the only chance.

    None where every side has a single seed, and nothing is known of chance.

    Example:
        >>> weigh_values([[1.0, 3.0], [6.0, 8.0]], (-1.0, 1.0)).difference
        5.0
    """
    return _judge(values, weights, None) if any(len(side) > 1 for side in values) else None


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of a family of tests, corrected so that the chance of any false alarm stays below the level.

    Source: Holm 1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _judge(values: Sequence[Sequence[float]], weights: Sequence[float], rows_variance: float | None) -> Comparison:
    """The weighted sum of the sides' means, from the values of each side's seeds and the variance by rows."""
    difference = float(sum(weight * np.mean(side) for side, weight in zip(values, weights, strict=True)))
    seeds = _seeds_variance(values, weights)
    spread = UncertainSpread(rows_variance or 0.0, *(seeds or ()))
    reach = spread.reach()
    return Comparison(
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p_value=spread.chance_beyond(difference),
        rows_error=None if rows_variance is None else math.sqrt(rows_variance),
        seeds_error=None if seeds is None else math.sqrt(seeds[0]),
        spread=spread,
    )


def _seeds_variance(values: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, float] | None:
    """What all seeds add to the variance, as estimated, with the degrees of freedom of that; None with one seed a side.

    A side of one seed says nothing of its seeds; the mean variance of the others stands for it. So each of the others
    counts for its own mean and for its share of all that it stands for, and what it does not know, it does not know in
    both.

    Source: degrees of freedom by Satterthwaite 1946, of the seeds alone: with the rows' variance among them they would
    grow where seeds agree by luck.
    """
    sides = list(zip(values, weights, strict=True))
    known = [(float(np.var(side, ddof=1)), weight, len(side)) for side, weight in sides if len(side) > 1]
    if not known:
        return None
    lone = sum(weight**2 for side, weight in sides if len(side) == 1) / len(known)
    parts = [(weight**2 * variance / seeds + lone * variance, seeds - 1) for variance, weight, seeds in known]
    freedom = sum(seeds - 1 for _, _, seeds in known)
    total = sum(part for part, _ in parts)
    uncertain = sum(part**2 / own for part, own in parts)
    return total, min(total**2 / uncertain, freedom) if total > 0 else freedom


def _places(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each positive the share of negatives below it, for each negative that of positives above; a tie is half."""
    positives, negatives = scores[labels], scores[~labels]
    return _share_below(positives, negatives), 1.0 - _share_below(negatives, positives)


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return (below + not_above) / (2 * len(others))


def _check(labels: np.ndarray, *sides: np.ndarray) -> None:
    for side in sides:
        if side.ndim != 2 or side.shape[1:] != labels.shape or not len(side):
            raise DataError(
                f"scores must be (seeds, rows) with the {len(labels)} rows of the labels; got {side.shape}. "
                "Compare models on the same test rows, in the same order."
            )
    smaller = min(int(labels.sum()), int((~labels).sum()))
    if smaller < 2:
        raise DataError(
            f"a comparison needs at least two rows of each class; got {smaller} of the rarer one. Take more test rows."
        )
