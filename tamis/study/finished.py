"""What final runs left: records, scores and the reasons of those that failed."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tamis.errors import DataError
from tamis.experiment import read_scores
from tamis.record import RECORD_FILE, RunRecord
from tamis.study.runs import CHOSEN_FILE, FAILED_FILE
from tamis.study.settings import Entrant


class Finished:
    """What the final runs of one entrant left."""

    def __init__(self, entrant: Entrant, runs: Path) -> None:
        self.entrant, self.folder = entrant, entrant.folder(runs)
        chosen = self.folder / CHOSEN_FILE
        self.chosen: dict[str, Any] = json.loads(chosen.read_text()) if chosen.exists() else {}
        self.records: dict[int, RunRecord] = {}
        self.failed: list[dict[str, Any]] = []
        scores = []
        self.labels = np.empty(0)
        for seed in entrant.seeds:
            place = self.folder / f"seed-{seed}"
            # Where nothing could be chosen now, a record is one of older settings.
            if "reason" in self.chosen or not (place / RECORD_FILE).exists() or (place / FAILED_FILE).exists():
                self.failed.append({"seed": seed, "reason": self._reason(place)})
                continue
            self.records[seed] = RunRecord.load(place / RECORD_FILE)
            probabilities, labels = read_scores(place)
            scores.append(probabilities[:, 0])
            self.labels = labels[:, 0]
        self.scores = np.array(scores)

    def _reason(self, place: Path) -> str:
        if "reason" not in self.chosen and (place / FAILED_FILE).exists():
            return json.loads((place / FAILED_FILE).read_text())["reason"]
        return self.chosen.get("reason", "has not been run yet")


def check_same_rows(finished: Sequence[Finished]) -> np.ndarray:
    """The labels that all have in common.

    Raises:
        DataError: one was scored on other test rows.
    """
    labels = finished[0].labels
    for one in finished:
        if not np.array_equal(one.labels, labels):
            raise DataError(
                f"{one.folder}: was scored on other test rows than {finished[0].folder}. "
                "Remove the older of the two folders and start the study again."
            )
    return labels


def mean_of_known(values: Sequence[Any]) -> float | None:
    """The mean of those that are not None; None if all are."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
