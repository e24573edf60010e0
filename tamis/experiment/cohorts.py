"""Slices of the test rows: by scenario, and by how much training saw of the row's group."""

from typing import Any

import numpy as np

from tamis.data import EncodedSet, RowShare
from tamis.metrics import metrics_by_slice
from tamis.training import EvaluatedRows

ACTIVITY_BOUNDS = (0, 1, 10, 30, 100, 300, 1000)
"""A cohort of groups begins at each of these numbers of training rows; the last one is open."""


def slice_metrics(encoded: EncodedSet, rows: EvaluatedRows, *, train_share: float = 1.0) -> list[dict[str, Any]]:
    """Metrics of the first task by scenario and by activity of the group in the rows trained on, where data tell."""
    probabilities, labels = rows.probabilities[:, 0], rows.labels[:, 0]
    slices: list[dict[str, Any]] = []
    scenario = encoded.layout.scenario
    if scenario is not None and rows.scenarios is not None:
        table = next(field.table for field in encoded.layout.ids if field.name == scenario)
        names = encoded.encoders.value_names(table)
        slices += metrics_by_slice(scenario, probabilities, labels, rows.scenarios, names)
    if rows.groups is not None:
        group = encoded.schema.group
        assert group is not None
        counts = _training_rows(encoded, rows.groups, RowShare(train_share))
        cohorts = np.searchsorted(ACTIVITY_BOUNDS, counts, side="right") - 1
        name = f"training rows of {group.name}"
        slices += metrics_by_slice(name, probabilities, labels, cohorts, _cohort_names())
    return slices


def _training_rows(encoded: EncodedSet, groups: np.ndarray, share: RowShare) -> np.ndarray:
    """For each row, how many of the training rows in ``share`` its group has.

    Counted in pieces, so memory does not grow with rows.
    """
    distinct, places = np.unique(groups, return_inverse=True)
    counts = np.zeros(len(distinct), dtype=np.int64)
    train = encoded.split("train").groups
    assert train is not None
    for start in range(0, len(train), 1_000_000):
        part = np.asarray(train[start : start + 1_000_000])
        part = part[share.kept(start, len(part))]
        nearest = np.minimum(np.searchsorted(distinct, part), len(distinct) - 1)
        known = distinct[nearest] == part
        counts += np.bincount(nearest[known], minlength=len(distinct))
    return counts[places]


def _cohort_names() -> list[str]:
    ends = [f"{low}" if high == low + 1 else f"{low} to {high - 1}" for low, high in _pairs(ACTIVITY_BOUNDS)]
    return [*ends, f"{ACTIVITY_BOUNDS[-1]} and more"]


def _pairs(bounds: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(bounds[:-1], bounds[1:], strict=True))
