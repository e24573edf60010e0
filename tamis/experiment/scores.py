"""The scores of a run, row by row, as it leaves them for whoever compares runs."""

from pathlib import Path

import numpy as np

from tamis.errors import DataError
from tamis.training import EvaluatedRows

SCORES_FILE = "scores.npy"
LABELS_FILE = "labels.npy"


def write_scores(folder: Path, rows: EvaluatedRows) -> None:
    """Plain arrays; a run's record is written after them, so where it is they are whole."""
    np.save(folder / SCORES_FILE, rows.probabilities)
    np.save(folder / LABELS_FILE, rows.labels)


def read_scores(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities and labels of the last split that a run kept, in the order of its rows.

    Shape:
        - output: twice ``(rows, tasks)`` float32

    Raises:
        DataError: the run kept none.
    """
    try:
        return np.load(folder / SCORES_FILE), np.load(folder / LABELS_FILE)
    except FileNotFoundError as error:
        raise DataError(f"{error.filename}: no such file; the run kept no scores. Run it with keep_scores.") from None
