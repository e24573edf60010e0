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
from tamis.study.settings import Budget, Entrant


class Finished:
    """What the final runs of one entrant left.

    A run that was made with other settings than the study has now, or scaled to another ``budget``, counts as failed.

    Raises:
        DataError: two of its seeds were scored on different rows.
    """

    def __init__(self, entrant: Entrant, runs: Path, budget: Budget) -> None:
        self.entrant, self.folder, self._budget = entrant, entrant.folder(runs), budget
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

    def size(self) -> dict[str, int | None]:
        """What the model costs, as it was matched to the budget; one that chose its fields after that is smaller.

        Of such a model it is what its runs had, in the mean; what one row meets was not counted again.
        """
        names = ("dense", "embedding", "active", "flops", "closed_flops")
        if self.entrant.model.worth is None:
            return {name: self.chosen.get("size", {}).get(name) for name in names}
        records = self.records.values()
        means = {name: mean_of_known([r.parameters.get(name) for r in records]) for name in ("dense", "embedding")}
        means["flops"] = mean_of_known([record.flops["forward_per_row"] for record in records])
        return dict.fromkeys(names) | {name: None if mean is None else round(mean) for name, mean in means.items()}

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
        """Whether a record is of what was chosen, and that of the study's settings and budget."""
        table = self.chosen.get("settings")
        if table is None:
            return True
        if not self._is_of_budget() or not has_settings_of(self.entrant, self.chosen["values"], table):
            return False
        told = {name: part for name, part in record.settings.items() if name != "attended"}
        return read_run(table, where=str(self.folder)).with_seed(seed).is_recorded_as(told)

    def _is_of_budget(self) -> bool:
        """Whether what was chosen is scaled as the study's budget asks now; who is not scaled suits every budget."""
        if not self.entrant.model.budget_setting:
            return True
        if self.entrant.target is None:
            return self.chosen.get("factor") is None
        return self._budget.is_met(self.chosen.get("size", {}), self.entrant.target) is not False


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
