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
from tamis.study.runs import CHOSEN_FILE, FAILED_FILE, has_settings_of
from tamis.study.search import read_run
from tamis.study.settings import Entrant


class Finished:
    """What the final runs of one entrant left.

    A run that was made with other settings than the study has now counts as failed.

    Raises:
        DataError: two of its seeds were scored on different rows.
    """

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
            record = self._record(place, seed)
            if isinstance(record, str):
                self.failed.append({"seed": seed, "reason": record})
                continue
            probabilities, labels = read_scores(place)
            if self.records and not np.array_equal(labels[:, 0], self.labels):
                raise _other_rows(place, self.folder / f"seed-{next(iter(self.records))}")
            self.records[seed] = record
            scores.append(probabilities[:, 0])
            self.labels = labels[:, 0]
        self.scores = np.array(scores)

    def _record(self, place: Path, seed: int) -> RunRecord | str:
        """The record of a seed, or why it does not count."""
        if "reason" in self.chosen:  # where nothing could be chosen now, a record is one of older settings
            return self.chosen["reason"]
        if (place / FAILED_FILE).exists():
            return json.loads((place / FAILED_FILE).read_text())["reason"]
        if not (place / RECORD_FILE).exists():
            return "has not been run yet"
        record = RunRecord.load(place / RECORD_FILE)
        if not self._is_as_chosen(record, seed):
            return "was run with other settings than the study has now; start the study again"
        return record

    def _is_as_chosen(self, record: RunRecord, seed: int) -> bool:
        """Whether a record is of what was chosen, and that of the study's settings."""
        table = self.chosen.get("settings")
        if table is None:
            return True
        if not has_settings_of(self.entrant, self.chosen["values"], table):
            return False
        told = {name: part for name, part in record.settings.items() if name != "attended"}
        return read_run(table, where=str(self.folder)).with_seed(seed).is_recorded_as(told)


def check_same_rows(finished: Sequence[Finished]) -> np.ndarray:
    """The labels that all have in common.

    Raises:
        DataError: one was scored on other test rows.
    """
    labels = finished[0].labels
    for one in finished:
        if not np.array_equal(one.labels, labels):
            raise _other_rows(one.folder, finished[0].folder)
    return labels


def mean_of_known(values: Sequence[Any]) -> float | None:
    """The mean of those that are not None; None if all are."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _other_rows(one: Path, other: Path) -> DataError:
    return DataError(
        f"{one}: was scored on other test rows than {other}. "
        "Remove the older of the two folders and start the study again."
    )
