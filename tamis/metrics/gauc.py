"""GAUC (grouped AUC): the AUC inside each group, such as a user, averaged in three honestly named ways."""

import math
from dataclasses import dataclass

import numpy as np

from tamis.errors import DataError
from tamis.metrics.ordering import run_starts, sort_by_group
from tamis.metrics.scored_rows import RowStore, ScoredRows, check_rows


class GAUC:
    """AUC within groups; libraries call four different averages of it GAUC, so each has its own name here.

    - ``gauc_impression``: a group weighs as many rows as it has
    - ``gauc_user``: every group weighs the same
    - ``gauc_positive``: a group weighs as many positive rows as it has

    A group of one class has no AUC: it is left out, and ``groups_used`` of ``groups_total`` says how many
    were not. With no group left all three are *nan*.

    Source: Zhou et al. 2018, "Deep Interest Network" (impressions); Wu et al. 2020, "MIND" (unweighted).

    Example:
        >>> gauc = GAUC()
        >>> gauc.update([0.1, 0.9, 0.9, 0.1, 0.1, 0.5], [0, 1, 0, 1, 0, 1], groups=[1, 1, 2, 2, 2, 3])
        >>> gauc.compute()["groups_used"], gauc.compute()["groups_total"]
        (2, 3)
        >>> gauc.compute()["gauc_user"]
        0.625
    """

    def __init__(self) -> None:
        self._store = RowStore()

    def update(
        self,
        probabilities: np.typing.ArrayLike,
        labels: np.typing.ArrayLike,
        groups: np.typing.ArrayLike | None = None,
    ) -> None:
        """Take in some rows; here ``groups`` are needed."""
        if groups is None:
            raise DataError("GAUC needs the group of every row; got none. Name a group field in the schema.")
        self._store.add(check_rows(probabilities, labels, groups))

    def merge(self, other: "GAUC") -> None:
        """Take in the rows another process has seen."""
        self._store.merge(other._store)

    def compute(self) -> dict[str, float]:
        """The three averages and how many groups they rest on."""
        return gauc_of_rows(self._store.join())


@dataclass(frozen=True, kw_only=True)
class GroupScores:
    """Counts and AUC of each group, in ascending order of group code; AUC is nan in a group of one class.

    Shape:
        - codes, rows, positives, auc: ``(groups,)``
    """

    codes: np.ndarray
    rows: np.ndarray
    positives: np.ndarray
    auc: np.ndarray


def gauc_of_rows(rows: ScoredRows) -> dict[str, float]:
    """The three averages of one set of rows; nan and zero groups where rows carry none."""
    if rows.groups is None:
        return _averages(auc=[], rows=[], positives=[], groups_total=0)
    codes = np.unique(rows.groups, return_inverse=True)[1]
    scores = auc_by_group(rows, codes)
    used = ~np.isnan(scores.auc)
    return _averages(
        auc=scores.auc[used].tolist(),
        rows=scores.rows[used].tolist(),
        positives=scores.positives[used].tolist(),
        groups_total=len(used),
    )


def auc_by_group(rows: ScoredRows, codes: np.ndarray) -> GroupScores:
    """AUC of every group at once: sort by group and score, then count inside runs of equal scores.

    Shape:
        - codes: ``(rows,)`` whole numbers from 0 up to the number of groups
    """
    group, order, labels = sort_by_group(rows, codes)
    group_starts = run_starts(group)
    tie_starts = run_starts(group, order)
    if not len(labels):
        return GroupScores(codes=group, rows=group, positives=group, auc=np.empty(0))
    tie_positives = np.add.reduceat(labels, tie_starts, dtype=np.int64)
    tie_negatives = np.diff(tie_starts, append=len(labels)) - tie_positives
    negatives_below = np.cumsum(tie_negatives) - tie_negatives
    first_tie = np.searchsorted(tie_starts, group_starts)
    ties_in_group = np.diff(first_tie, append=len(tie_starts))
    negatives_below -= np.repeat(negatives_below[first_tie], ties_in_group)
    twice_won = np.add.reduceat(tie_positives * (2 * negatives_below + tie_negatives), first_tie)
    positives = np.add.reduceat(tie_positives, first_tie)
    sizes = np.diff(group_starts, append=len(labels))
    pairs = positives * (sizes - positives)
    auc = np.full(len(pairs), np.nan)
    np.divide(twice_won, 2 * pairs, out=auc, where=pairs > 0)
    return GroupScores(codes=group[group_starts], rows=sizes, positives=positives, auc=auc)


def _averages(*, auc: list[float], rows: list[int], positives: list[int], groups_total: int) -> dict[str, float]:
    return {
        "gauc_impression": _weighted_mean(auc, rows),
        "gauc_user": _weighted_mean(auc, [1] * len(auc)),
        "gauc_positive": _weighted_mean(auc, positives),
        "groups_used": len(auc),
        "groups_total": groups_total,
    }


def _weighted_mean(values: list[float], weights: list[int]) -> float:
    # fsum rounds once, so the mean depends on the groups and not on how many terms numpy adds side by side.
    total = sum(weights)
    if not total:
        return math.nan
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / total
