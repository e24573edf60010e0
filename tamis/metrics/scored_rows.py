"""Scored rows: what every metric takes in. The checks stand here, at the door, and nowhere behind it."""

from dataclasses import dataclass

import numpy as np

from tamis.errors import DataError
from tamis.metrics.growing_array import GrowingArray


@dataclass(frozen=True, kw_only=True)
class ScoredRows:
    """Some rows with their predicted chance, their label and, where GAUC is asked for, their group.

    Shape:
        - probabilities: ``(rows,)`` float32 or float64, each in [0, 1], never minus zero
        - labels: ``(rows,)`` bool
        - groups: ``(rows,)`` int64, or None
    """

    probabilities: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)


def check_rows(
    probabilities: np.typing.ArrayLike, labels: np.typing.ArrayLike, groups: np.typing.ArrayLike | None = None
) -> ScoredRows:
    """Copy the three columns into canonical types, or say which rule they break.

    Shape:
        - probabilities, labels, groups: ``(rows,)``

    Raises:
        DataError: the lengths differ, a probability is not a number in [0, 1], a label is not 0 or 1, or a
            group is not a whole number.

    Example:
        >>> check_rows([0.25, 0.5], [0, 1]).labels
        array([False,  True])
        >>> check_rows([0.25, 1.5], [0, 1])
        Traceback (most recent call last):
        tamis.errors.DataError: a probability must be a number from 0 to 1; row 1 holds 1.5. Are these logits?
    """
    scores, truth = np.asarray(probabilities), np.asarray(labels)
    keys = None if groups is None else np.asarray(groups)
    for name, column in (("probabilities", scores), ("labels", truth), ("groups", keys)):
        if column is not None and column.ndim != 1:
            raise DataError(f"{name} must have one axis, the rows; got shape {column.shape}. Score one task at a time.")
        if column is not None and len(column) != len(scores):
            raise DataError(f"{name} must have {len(scores)} rows like probabilities; got {len(column)}.")
    return ScoredRows(
        probabilities=_check_probabilities(scores), labels=_check_labels(truth), groups=_check_groups(keys)
    )


class RowStore:
    """Rows kept as they come; joined once, when a metric that needs all of them is computed."""

    def __init__(self) -> None:
        self._probabilities, self._labels, self._groups = GrowingArray(), GrowingArray(), GrowingArray()

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def has_groups(self) -> bool:
        """Whether rows are there and carry groups."""
        return len(self._groups) > 0

    def add(self, rows: ScoredRows) -> None:
        """Keep some rows; either all have groups or none has."""
        if not len(rows):
            return
        if len(self) and self.has_groups != (rows.groups is not None):
            raise DataError("groups must be given for all rows or for none; some rows have them and some do not.")
        self._probabilities.extend(rows.probabilities)
        self._labels.extend(rows.labels)
        if rows.groups is not None:
            self._groups.extend(rows.groups)

    def merge(self, other: "RowStore") -> None:
        """Keep the rows of another store too."""
        self.add(other.join())

    def join(self) -> ScoredRows:
        """All rows in one piece; float32 and float64 meet in float64, which changes no value."""
        if not len(self):
            return check_rows(np.empty(0), np.empty(0))
        return ScoredRows(
            probabilities=self._probabilities.join(),
            labels=self._labels.join(),
            groups=self._groups.join() if self.has_groups else None,
        )


def _check_probabilities(scores: np.ndarray) -> np.ndarray:
    if scores.dtype.kind not in "fiub":
        raise DataError(f"probabilities must be numbers; got {scores.dtype}.")
    float_type = np.float32 if scores.dtype in (np.float16, np.float32) else np.float64
    # Adding zero copies, and turns -0.0 into 0.0: equal scores must have equal bits for the sort in
    # ordering.py.
    values = scores.astype(float_type) + float_type(0)
    inside = (values >= 0) & (values <= 1)
    if not inside.all():
        row = int(np.argmin(inside))
        raise DataError(f"a probability must be a number from 0 to 1; row {row} holds {values[row]}. Are these logits?")
    return values


def _check_labels(truth: np.ndarray) -> np.ndarray:
    if truth.dtype.kind not in "fiub":
        raise DataError(f"labels must be numbers; got {truth.dtype}.")
    positive = truth == 1
    known = positive | (truth == 0)
    if not known.all():
        row = int(np.argmin(known))
        raise DataError(
            f"a label must be 0 or 1; row {row} holds {truth[row]}. Set the label's threshold in the schema."
        )
    return positive


def _check_groups(keys: np.ndarray | None) -> np.ndarray | None:
    if keys is None:
        return None
    if keys.dtype.kind not in "iub":
        raise DataError(f"groups must be whole numbers; got {keys.dtype}. Hash text keys to int64 first.")
    return keys.astype(np.int64)
