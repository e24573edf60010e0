"""The tables of the page: what the template prints, worked out beforehand."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tamis.record import RunRecord, flatten_settings
from tamis.reports.comparison import Comparison, Model
from tamis.reports.wording import MISSING, format_bytes, format_number

SLICES_AT_FIRST = 12
SMALL_SLICE = 0.01


@dataclass(frozen=True, kw_only=True)
class SliceCell:
    """AUC of one model in one slice; ``heat`` from 0 to 100 is its place among
    the cells of the table, None where the slice is too small to say."""

    auc: float | None
    heat: float | None


@dataclass(frozen=True, kw_only=True)
class SliceTable:
    """One way to cut the test rows: a line a slice, a cell a model; many slices come largest first."""

    name: str
    lines: tuple[tuple[str, int, int, tuple[SliceCell, ...]], ...]

    @property
    def shown(self) -> tuple[tuple[str, int, int, tuple[SliceCell, ...]], ...]:
        """The lines to show at once."""
        return self.lines[:SLICES_AT_FIRST]

    @property
    def folded(self) -> tuple[tuple[str, int, int, tuple[SliceCell, ...]], ...]:
        """The lines to fold away."""
        return self.lines[SLICES_AT_FIRST:]


@dataclass(frozen=True, kw_only=True)
class SettingsTable:
    """Settings by name: those in which models differ, one value a model; and those all share."""

    different: tuple[tuple[str, tuple[str, ...]], ...]
    shared: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class FieldLine:
    """What a field is worth, in thousandths of a nat a row: the mean over ``seeds``, the usual error of one of them,
    and how many of them kept the field."""

    name: str
    worth: float
    error: float
    kept: int
    seeds: int

    @property
    def is_disputed(self) -> bool:
        """Whether some seeds kept the field and others did not."""
        return 0 < self.kept < self.seeds


@dataclass(frozen=True, kw_only=True)
class ContextTable:
    """In which values of a context the fields that are kept count: the share of seeds, ``(fields, values)``.

    Where each seed finds its context, it is that of ``seeds`` of all ``of``, the most.
    """

    context: str
    seeds: int
    of: int
    values: tuple[str, ...]
    fields: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


def mean_of(model: Model, metric: str) -> float | None:
    """Mean of a test metric over the seeds that have it."""
    values = model.values(metric)
    return statistics.fmean(values) if values else None


def metric_lines(comparison: Comparison, metrics: Sequence[str]) -> list[tuple[Model, list[str], str]]:
    """For each model its mean test metrics as text and its best epochs."""
    return [
        (
            model,
            [format_number(mean_of(model, metric)) for metric in metrics],
            _distinct_text(run.record.best.get("epoch") for run in model.runs),
        )
        for model in comparison.models
    ]


def task_lines(comparison: Comparison, metrics: Sequence[str]) -> list[tuple[str, list[tuple[Model, list[str]]]]]:
    """For each task the models with their mean test metrics of that task; nothing where every run has one task."""
    tasks = dict.fromkeys(task for run in comparison.runs for task in run.record.tasks)
    return [
        (
            task,
            [
                (model, [format_number(mean_of(model, f"{task}.{metric}")) for metric in metrics])
                for model in comparison.models
            ],
        )
        for task in tasks
    ]


def slice_tables(comparison: Comparison) -> list[SliceTable]:
    """Mean AUC over seeds of every slice and model; counts are the first model's."""
    names = dict.fromkeys(part["slice"] for run in comparison.runs for part in run.record.slices)
    return [_slice_table(comparison, name) for name in names]


def field_lines(model: Model) -> list[FieldLine]:
    """Every field whose worth was measured, the one with the largest mean z first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part in (part for run in model.runs for part in run.record.worth):
        found.setdefault(part["name"], []).append(part)
    return [
        FieldLine(
            name=name,
            worth=1000 * statistics.fmean(part["worth"] for part in parts),
            # Not divided by the root of their number: the seeds read the same rows.
            error=1000 * statistics.fmean(part["error"] for part in parts),
            kept=sum(part["kept"] for part in parts),
            seeds=len(parts),
        )
        for name, parts in sorted(found.items(), key=lambda item: -statistics.fmean(part["z"] for part in item[1]))
    ]


def context_table(model: Model) -> ContextTable | None:
    """Where the fields of a model count, the worthiest first; None where no context was asked."""
    runs = [{part["name"]: part for part in run.record.worth} for run in model.runs]
    contexts = [name for parts in runs for name, part in parts.items() if "values" in part]
    if not contexts:
        return None
    context, of = statistics.mode(contexts), len(runs)
    runs = [parts for parts in runs if "values" in parts.get(context, {})]
    values = tuple(dict.fromkeys(value for parts in runs for value in parts[context]["values"]))
    fields = [line.name for line in field_lines(model) if line.kept and line.name != context]
    shares = [
        tuple(
            statistics.fmean(parts[name]["kept"] and value not in parts[name]["left_out_in"] for parts in runs)
            for value in values
        )
        for name in fields
    ]
    return ContextTable(
        context=context, seeds=len(runs), of=of, values=values, fields=tuple(fields), shares=tuple(shares)
    )


def kept_text(model: Model) -> str:
    """How many fields the seeds kept, from the fewest to the most."""
    counts = {sum(part["kept"] for part in run.record.worth) for run in model.runs if run.record.worth}
    return " to ".join(map(str, sorted({min(counts), max(counts)})))


def settings_table(comparison: Comparison) -> SettingsTable:
    """Settings of all models side by side, split into different and shared."""
    columns = [flatten_settings(model.first.settings) for model in comparison.models]
    different, shared = [], []
    for key in dict.fromkeys(key for column in columns for key in column):
        values = tuple(_setting_text(column[key]) if key in column else MISSING for column in columns)
        if len(set(values)) == 1:
            shared.append((key, values[0]))
        else:
            different.append((key, values))
    return SettingsTable(different=tuple(different), shared=tuple(shared))


def cautions(comparison: Comparison) -> list[str]:
    """What makes a comparison unfair, found by looking at all records together."""
    checks: list[tuple[str, Callable[[RunRecord], Any]]] = [
        ("The runs did not read the same encoded data: their fingerprints differ.", _fingerprint),
        ("The runs were not tested on equally many rows.", lambda record: record.test.get("rows")),
        ("The runs come from different machines, or ran other kernels: do not compare rows per second.", _machine_text),
    ]
    records = [run.record for run in comparison.runs]
    found = [sentence for sentence, fact in checks if len({fact(record) for record in records}) > 1]
    counts = {len(model.runs) for model in comparison.models}
    if len(counts) > 1:
        found.append("The models have different numbers of seeds: intervals of few seeds are wide.")
    return found


def alarms(comparison: Comparison) -> list[tuple[str, str]]:
    """Every alarm with the models and seeds that raised it."""
    raised: dict[str, dict[str, list[str]]] = {}
    for model in comparison.models:
        for run in model.runs:
            for alarm in run.record.alarms:
                raised.setdefault(alarm, {}).setdefault(model.label, []).append(str(run.record.seed))
    return [
        ("; ".join(f"{label}, seed {', '.join(seeds)}" for label, seeds in who.items()), alarm)
        for alarm, who in raised.items()
    ]


def commands(comparison: Comparison) -> list[str]:
    """The distinct commands that repeat the runs, in order of model and seed."""
    return list(dict.fromkeys(run.record.command for run in comparison.runs if run.record.command))


def data_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Facts of the data, distinct over all runs."""
    records = [run.record for run in comparison.runs]
    lines = []
    for split in ("train", "valid", "test"):
        lines.append((f"{split} rows", _distinct_text(record.rows.get(split) for record in records)))
    lines.append(("positive rate, test", _distinct_text(record.test.get("positive_rate") for record in records)))
    lines.append(("encoded data", _distinct_text(record.data.get("fingerprint") for record in records)))
    return [line for line in lines if line[1] != MISSING]


def source_lines(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Source files: name, size and checksum."""
    sources = [source for run in comparison.runs for source in run.record.data.get("sources") or ()]
    lines = [
        (
            str(source.get("name", MISSING)),
            format_bytes(source.get("bytes")),
            str(source.get("sha256", MISSING)),
        )
        for source in sources
    ]
    return list(dict.fromkeys(lines))


def unseen_lines(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Fields whose test values training never saw: the count and its share of the test rows."""
    counts: dict[str, int] = {}
    rows = 0
    for run in comparison.runs:
        rows = max(rows, run.record.rows.get("test", 0))
        for field, count in run.record.unseen.items():
            counts[field] = max(count, counts.get(field, 0))
    return [
        (field, format_number(count), f"{count / rows:.2%}" if rows else MISSING)
        for field, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]


def environment_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Versions and machine, every distinct value of all runs."""
    records = [run.record for run in comparison.runs]
    lines = []
    for name in dict.fromkeys(key for record in records for key in record.machine):
        values = [record.machine.get(name) for record in records]
        texts = [format_bytes(value) if name.endswith("_bytes") else _plain_text(value) for value in values]
        lines.append((name.removesuffix("_bytes").replace("_", " "), _distinct_text(texts)))
    for name in dict.fromkeys(key for record in records for key in record.versions):
        lines.append((name, _distinct_text(record.versions.get(name) for record in records)))
    return lines


def record_texts(comparison: Comparison) -> list[tuple[str, str]]:
    """Every record as it was saved, with a heading."""
    return [
        (
            f"{model.label}, seed {run.record.seed}",
            json.dumps(run.record.to_json(), indent=1, ensure_ascii=False),
        )
        for model in comparison.models
        for run in model.runs
    ]


def _slice_table(comparison: Comparison, name: str) -> SliceTable:
    counts: dict[str, tuple[int, int]] = {}
    found: dict[tuple[str, str], list[float]] = {}
    for model in comparison.models:
        for part in (part for run in model.runs for part in run.record.slices if part["slice"] == name):
            value = str(part["value"])
            counts.setdefault(value, (part["rows"], part["positives"]))
            if part["auc"] is not None:
                found.setdefault((value, model.label), []).append(part["auc"])
    means = {place: statistics.fmean(aucs) for place, aucs in found.items()}
    # Five rows of luck must neither be coloured nor bleach all others.
    least = SMALL_SLICE * sum(rows for rows, _ in counts.values())
    large = {value for value, (rows, _) in counts.items() if rows >= least}
    coloured = [auc for (value, _), auc in means.items() if value in large]
    low, high = min(coloured, default=0.0), max(coloured, default=1.0)
    values = list(counts)
    if len(values) > SLICES_AT_FIRST:
        values.sort(key=lambda value: -counts[value][0])
    cells = {
        place: SliceCell(auc=auc, heat=_heat(auc, low, high) if place[0] in large else None)
        for place, auc in means.items()
    }
    empty = SliceCell(auc=None, heat=None)
    return SliceTable(
        name=name,
        lines=tuple(
            (
                value,
                *counts[value],
                tuple(cells.get((value, model.label), empty) for model in comparison.models),
            )
            for value in values
        ),
    )


def _heat(auc: float, low: float, high: float) -> float:
    return round(100 * (auc - low) / (high - low), 1) if high > low else 50.0


def _distinct_text(values: Iterable[Any]) -> str:
    texts = dict.fromkeys(format_number(value) for value in values if value not in (None, MISSING))
    return ", ".join(texts) or MISSING


def _setting_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _plain_text(value: Any) -> str | None:
    if value is None:
        return None
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _fingerprint(record: RunRecord) -> Any:
    return record.data.get("fingerprint")


def _machine_text(record: RunRecord) -> str:
    return json.dumps(record.machine, sort_keys=True, default=str)
