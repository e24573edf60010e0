"""Runs that may be compared: the same data set and split, put together by model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tamis.errors import DataError
from tamis.record import CurvePoint, ModelSummary, RunRecord, read_run, summarise_groups


@dataclass(frozen=True, kw_only=True)
class Run:
    """One seed of a model: its record and its curve, which may be empty."""

    record: RunRecord
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One line of the comparison; ``label`` is unique in it, ``series`` is its colour from 0 on."""

    label: str
    series: int
    summary: ModelSummary
    runs: tuple[Run, ...]

    @property
    def first(self) -> RunRecord:
        """The record of the first seed, for what all seeds share."""
        return self.runs[0].record

    def values(self, metric: str) -> list[float]:
        """The test values of one metric, where a seed has one."""
        found = [run.record.test.get(metric) for run in self.runs]
        return [value for value in found if value is not None]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All models on one data set and split, best mean test AUC first."""

    dataset: str
    split: str
    models: tuple[Model, ...]

    @property
    def runs(self) -> list[Run]:
        """Every run, by model and seed."""
        return [run for model in self.models for run in model.runs]


def read_comparisons(paths: Sequence[Path]) -> list[Comparison]:
    """Read runs and put them together; the same path given twice counts once.

    Raises:
        DataError: there are no runs, one cannot be read, or two are the same model, settings and seed.
    """
    if not paths:
        raise DataError("a report needs at least one run; got none. Give the folders of finished runs.")
    runs = {id(record): Run(record=record, curve=curve) for record, curve in map(read_run, _distinct(paths))}
    lines = summarise_groups(run.record for run in runs.values())
    places = dict.fromkeys((line.dataset, line.split) for line, _ in lines)
    comparisons = []
    for dataset, split in places:
        here = [(line, group) for line, group in lines if (line.dataset, line.split) == (dataset, split)]
        labels = label_models([line for line, _ in here])
        models = [
            Model(label=label, series=i, summary=line, runs=tuple(runs[id(record)] for record in group))
            for i, (label, (line, group)) in enumerate(zip(labels, here, strict=True))
        ]
        comparisons.append(Comparison(dataset=dataset, split=split, models=tuple(models)))
    return comparisons


def label_models(lines: Sequence[ModelSummary]) -> list[str]:
    """A short name for each model: its own, with preset and telling settings only where two would be "
    "alike."""
    names = [line.model for line in lines]
    labels = []
    for line in lines:
        parts = [line.model]
        if names.count(line.model) > 1:
            parts += [line.preset] if line.preset else []
            parts += [f"{key.rpartition('.')[2]}={value}" for key, value in list(line.settings.items())[:2]]
        label = " ".join(parts)
        labels.append(label if label not in labels else f"{label} #{len(labels) + 1}")
    return labels


def _distinct(paths: Sequence[Path]) -> list[Path]:
    return list({Path(path).resolve(): Path(path) for path in paths}.values())
