"""A reference from outside: LightGBM on the same encoded rows, which leaves the same record and scores as a model."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from tamis.config import read_config, suggest, write_config
from tamis.data import EncodedSet
from tamis.errors import ConfigError
from tamis.experiment.cohorts import slice_metrics
from tamis.experiment.recorded import recorded_settings
from tamis.experiment.run import SETTINGS_FILE, data_facts
from tamis.experiment.scores import write_scores
from tamis.experiment.settings import DataSettings
from tamis.metrics import RankingMetrics
from tamis.record import RECORD_FILE, RunRecord, machine, versions, write_whole
from tamis.training import EvaluatedRows
from tamis.trees import BoostedTrees, LightGBMSettings, fit_trees, load_trees

REFERENCES: dict[str, type] = {"lightgbm": LightGBMSettings}
"""What can stand beside the models of a study without being one, with its settings."""

TREES_FILE = "trees.txt"
_PLANNED_ROUNDS = (2, 12)
_LIBRARY_BYTES = 200_000_000
# A number as read, twice in the table (its columns, then one array), and binned.
_NUMBER_BYTES = 17
_SOURCE = 'Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS 2017'


@dataclass(frozen=True, kw_only=True)
class ReferenceSettings:
    """Everything that decides what a reference computes; ``metric`` stops it and chooses among its trials."""

    data: DataSettings
    name: str
    trees: LightGBMSettings = field(default_factory=LightGBMSettings)
    metric: str = "auc"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.data.train_share is not None:
            raise ConfigError(
                f"reference {self.name!r} trains on all rows, so it cannot stand beside models with [data] train_share "
                f"{self.data.train_share}. Leave one of the two out."
            )

    def with_seed(self, seed: int) -> "ReferenceSettings":
        """The same settings with another seed."""
        return replace(self, seed=seed)

    def to_table(self) -> dict[str, Any]:
        """The resolved settings as one table; reading it back gives equal settings."""
        return {
            "data": write_config(self.data),
            "reference": {"name": self.name, **write_config(self.trees)},
            "training": {"metric": self.metric, "seed": self.seed},
        }

    def is_recorded_as(self, table: Mapping[str, Any]) -> bool:
        """Whether a record's settings are these; what could not be set when it was written has its default."""
        try:
            return "reference" in table and read_reference(table, where="a record") == self
        except ConfigError:  # of a version whose settings were others
            return False


def read_reference(table: Mapping[str, Any], *, where: str) -> ReferenceSettings:
    """Build the settings from one table with the parts ``data``, ``reference`` and ``training``.

    Raises:
        ConfigError: a key is unknown, has the wrong type, or breaks its rule.
    """
    own = dict(table["reference"])
    name = own.pop("name")
    if name not in REFERENCES:
        raise ConfigError(f"{where}: no reference is called {name!r}. {suggest(name, REFERENCES)}")
    training = {key: value for key, value in table.get("training", {}).items() if key in ("metric", "seed")}
    return ReferenceSettings(
        data=read_config(DataSettings, table["data"], where=f"{where} [data]"),
        name=name,
        trees=read_config(REFERENCES[name], own, where=f"{where} [reference]"),
        **training,
    )


def run_reference(
    settings: ReferenceSettings, encoded: EncodedSet, *, folder: Path, command: str, keep_scores: bool = False
) -> RunRecord:
    """Fit the reference on the training rows, stop by the validation rows, and score the last split once.

    The record is that of a model's run where both have the same; in place of parameters it counts trees and leaves.
    It takes minutes at most, so one that was cut short begins again.

    Raises:
        ConfigError: LightGBM is not installed.
        DataError: a source file has changed since it was encoded.
    """
    encoded.check_sources()
    write_whole(folder / SETTINGS_FILE, tomli_w.dumps(settings.to_table()))
    started = time.perf_counter()
    trees = fit_trees(encoded, settings.trees, metric=settings.metric, seed=settings.seed)
    trained = time.perf_counter()
    scored = {name: _score(trees, encoded, name) for name in encoded.split_names[1:]}
    ended = time.perf_counter()
    metrics = {name: _measure(rows) for name, rows in scored.items()}
    trees.save(folder / TREES_FILE)
    last = encoded.split_names[-1]
    if keep_scores:
        write_scores(folder, scored[last])
    values = {name: metric.compute() for name, metric in metrics.items()}
    record = RunRecord(
        dataset=encoded.name,
        split=encoded.manifest.split_description,
        model=settings.name,
        status="outside reference",
        source=_SOURCE,
        seed=settings.seed,
        rows={name: encoded.rows(name) for name in encoded.split_names},
        parameters={"trees": trees.trees, "leaves": trees.leaves},
        settings=recorded_settings(settings, encoded),
        versions=versions(("tamis", "lightgbm", "numpy")),
        machine=machine(),
        data=data_facts(encoded),
        command=command,
        timings={
            "train_seconds": trained - started,
            "evaluate_seconds": ended - trained,
            "rows_per_second": encoded.rows("train") * trees.trees / (trained - started),
            "evaluate_rows_per_second": sum(len(rows.labels) for rows in scored.values()) / (ended - trained),
        },
        best={
            "epoch": trees.trees,
            "step": trees.trees,
            "metric": settings.metric,
            "value": values["valid"][settings.metric],
        },
        valid=dict(values["valid"]),
        test=dict(values.get("test", {})),
        reliability=tuple(dict(part) for part in metrics[last].reliability()),
        slices=tuple(slice_metrics(encoded, scored[last])),
        unseen=encoded.manifest.splits[last].unseen,
    )
    record.save(folder / RECORD_FILE)
    return record


def plan_reference(settings: ReferenceSettings, encoded: EncodedSet) -> tuple[float, int]:
    """Rough minutes if every round is taken, and bytes of memory, from two short trials."""
    seconds = []
    for rounds in _PLANNED_ROUNDS:
        started = time.perf_counter()
        fit_trees(encoded, replace(settings.trees, rounds=rounds), metric=settings.metric, seed=settings.seed)
        seconds.append(time.perf_counter() - started)
    a_round = max(0.0, seconds[1] - seconds[0]) / (_PLANNED_ROUNDS[1] - _PLANNED_ROUNDS[0])
    layout = encoded.layout
    numbers = 2 * (len(layout.ids) + len(layout.lists)) + layout.dense_width
    rows = sum(encoded.rows(split) for split in encoded.split_names)
    return round(
        (seconds[0] + a_round * settings.trees.rounds) / 60, 2
    ), _LIBRARY_BYTES + rows * numbers * _NUMBER_BYTES


def score_reference(settings: ReferenceSettings, encoded: EncodedSet, *, folder: Path, split: str) -> float:
    """The AUC of the trees that a run left in ``folder``, on the rows of a split."""
    trees = load_trees(folder / TREES_FILE, encoded, settings.trees, seed=settings.seed)
    return _measure(_score(trees, encoded, split)).compute()["auc"]


def _score(trees: BoostedTrees, encoded: EncodedSet, split: str) -> EvaluatedRows:
    rows, scenario, (task,) = encoded.split(split), encoded.layout.scenario, encoded.layout.tasks
    return EvaluatedRows(
        probabilities=trees.score(encoded, split)[:, None],
        labels=np.asarray(rows.labels[task], dtype=np.float32)[:, None],
        groups=None if rows.groups is None else np.asarray(rows.groups),
        scenarios=None if scenario is None else np.asarray(rows.ids[scenario], dtype=np.int64),
    )


def _measure(rows: EvaluatedRows) -> RankingMetrics:
    metrics = RankingMetrics()
    metrics.update(rows.probabilities[:, 0], rows.labels[:, 0], rows.groups)
    return metrics
