"""The seeds of one model, summed up in one line."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tamis.errors import DataError
from tamis.record.interval import mean_interval
from tamis.record.run_record import RunRecord
from tamis.record.strict_json import to_plain

# Settings that name one run of a model, not the model: runs that differ in nothing else are seeds of one
# model.
RUN_SETTINGS = frozenset({"seed", "folder"})


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """The runs of one model that differ in nothing but the seed, in one line.

    ``auc_low`` to ``auc_high`` is the 95 % interval of the mean test AUC over the seeds, by Student's t; None
    for a single seed, which says nothing about chance. ``log_loss`` is the mean, ``rows_per_second`` the
    median. ``settings`` holds only what sets this line apart from others of the same model; mostly it is
    empty.
    """

    dataset: str
    split: str
    model: str
    preset: str | None
    parameters: dict[str, int]
    seeds: tuple[int, ...]
    auc_mean: float | None
    auc_low: float | None
    auc_high: float | None
    log_loss: float | None
    rows_per_second: float | None
    settings: dict[str, Any] = field(default_factory=dict)


def summarise(records: Iterable[RunRecord]) -> list[ModelSummary]:
    """One line a model, by data set and split, best mean test AUC first.

    Raises:
        DataError: two records have the same model, settings and seed; counted twice they feign certainty.
    """
    return [line for line, _ in summarise_groups(records)]


def summarise_groups(records: Iterable[RunRecord]) -> list[tuple[ModelSummary, tuple[RunRecord, ...]]]:
    """The lines of ``summarise``, each with its records in order of seed."""
    groups = group_seeds(records)
    lines = [(_summarise_group(group, _telling_settings(group[0], groups)), group) for group in groups]
    return sorted(lines, key=lambda pair: _place(pair[0]))


def group_seeds(records: Iterable[RunRecord]) -> list[tuple[RunRecord, ...]]:
    """Put together the records that differ in nothing but the seed, each group in order of seed."""
    groups: dict[tuple[str, ...], dict[int, RunRecord]] = {}
    for record in records:
        key = (record.dataset, record.split, record.model, record.preset or "", _settings_text(record))
        seeds = groups.setdefault(key, {})
        if record.seed in seeds:
            raise DataError(
                f"two records of {record.model!r} on {record.dataset!r} have the same settings and seed, "
                f"{record.seed}. Give each run once, or change the seed."
            )
        seeds[record.seed] = record
    return [tuple(seeds[seed] for seed in sorted(seeds)) for seeds in groups.values()]


def flatten_settings(table: Mapping[str, Any], *, before: str = "") -> dict[str, Any]:
    """Nested settings as ``{"model.dim": 16}``, without those that name one run only.

    Example:
        >>> flatten_settings({"seed": 1, "model": {"dim": 16, "hidden": [8, 4]}})
        {'model.dim': 16, 'model.hidden': [8, 4]}
    """
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= flatten_settings(value, before=f"{before}{name}.")
        elif name not in RUN_SETTINGS:
            flat[before + name] = value
    return flat


def _summarise_group(group: tuple[RunRecord, ...], settings: dict[str, Any]) -> ModelSummary:
    first = group[0]
    auc = _known(record.test.get("auc") for record in group)
    losses = _known(record.test.get("log_loss") for record in group)
    speeds = _known(record.timings.get("rows_per_second") for record in group)
    interval = mean_interval(auc)
    return ModelSummary(
        dataset=first.dataset,
        split=first.split,
        model=first.model,
        preset=first.preset,
        parameters=first.parameters,
        seeds=tuple(record.seed for record in group),
        auc_mean=statistics.fmean(auc) if auc else None,
        auc_low=interval[0] if interval else None,
        auc_high=interval[1] if interval else None,
        log_loss=statistics.fmean(losses) if losses else None,
        rows_per_second=statistics.median(speeds) if speeds else None,
        settings=settings,
    )


def _place(line: ModelSummary) -> tuple[str, str, float, str, str, str]:
    auc = -math.inf if line.auc_mean is None else line.auc_mean
    settings = json.dumps(to_plain(line.settings, where="settings"), sort_keys=True)
    return line.dataset, line.split, -auc, line.model, line.preset or "", settings


def _telling_settings(record: RunRecord, groups: list[tuple[RunRecord, ...]]) -> dict[str, Any]:
    """The settings in which a record differs from other groups of the same model, preset, data set and
    split."""
    name = (record.dataset, record.split, record.model, record.preset)
    rivals = [
        flatten_settings(group[0].settings)
        for group in groups
        if (group[0].dataset, group[0].split, group[0].model, group[0].preset) == name
    ]
    own = flatten_settings(record.settings)
    return {
        key: value for key, value in own.items() if any(key not in rival or rival[key] != value for rival in rivals)
    }


def _settings_text(record: RunRecord) -> str:
    return json.dumps(to_plain(flatten_settings(record.settings), where="settings"), sort_keys=True)


def _known(values: Iterable[int | float | None]) -> list[float]:
    return [float(value) for value in values if value is not None and math.isfinite(value)]
