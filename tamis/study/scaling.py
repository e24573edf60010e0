"""A scaling study: every point run as in a comparison, then laws, slopes and a verdict for every curve."""

import json
from collections.abc import Callable
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tamis.analysis import (
    AucSide,
    Comparison,
    Estimate,
    PowerLaw,
    auc_side,
    compare_slopes,
    fit_power_law,
    holm,
    judge_saturation,
    slope_weights,
    weigh_values,
)
from tamis.data import EncodedSet
from tamis.errors import DataError
from tamis.record import mean_interval, write_whole
from tamis.study.compare import run_entrants
from tamis.study.finished import Finished, check_same_rows, mean_of_known
from tamis.study.scale_settings import Point, ScaleSettings
from tamis.study.verdicts import LEVEL

FORMAT = 1
_FARTHER = (2, 10, 100)
_DRAWN = 25
_DIGITS = 7
_METRICS = ("auc", "log_loss")
_COUNTED = {
    "parameters": ("dense",),
    "all_parameters": ("dense", "embedding"),
    "active": ("active",),
    "flops": ("flops",),
}
"""The costs of a model that add up to the ``N`` of an axis."""


def scale(
    settings: ScaleSettings,
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    results: Path | None = None,
    processes: int = 1,
    command: str = "tamis scale",
    report: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Tune (if the study says so) and run every point into ``runs``, keep the records in ``results``, and judge.

    What lies in ``runs`` already is not done again. A point that fails, or that this machine cannot hold, is part of
    the results with its reason; its curve is judged without it.

    Raises:
        ConfigError: ``runs`` holds trials of other settings, or Optuna is needed and not there.
        DataError: no run of any curve has ended.
    """
    entrants = [point.entrant for point in settings.points()]
    run_entrants(
        settings.study,
        entrants,
        encoded,
        runs=runs,
        results=results,
        processes=processes,
        command=command,
        report=report,
    )
    return judge_scale(settings, runs)


def judge_scale(settings: ScaleSettings, runs: Path) -> dict[str, Any]:
    """The results as plain values, from the scores and records alone; the same files give the same bytes.

    Raises:
        DataError: no run of any data set has ended, or runs of one were not scored on the same rows.
    """
    budget, axis = settings.study.budget, settings.scale.axis
    curves = [
        _Curve(data, name, [(point, Finished(point.entrant, runs, budget)) for point in points], axis=axis)
        for (data, name), points in settings.curves().items()
    ]
    finished: dict[str, list[Finished]] = {}
    for curve in curves:
        finished.setdefault(curve.data, []).extend(curve.finished)
    if not any(finished.values()):
        first = curves[0].pairs[0][1]
        raise DataError(
            f"{settings.study.where}: no run has ended, so there is nothing to judge ({first.failed[0]['reason']})."
        )
    for here in finished.values():
        if here:
            check_same_rows(here)
    return {
        "format": FORMAT,
        "study": settings.study.rules.name,
        "axis": axis,
        "threshold": settings.scale.threshold,
        "trials": settings.study.rules.trials,
        "tuned_at": budget.tuned_at,
        "budget": {"kind": budget.kind, "targets": list(budget.targets)},
        "curves": [_judge_curve(settings, curve) for curve in curves],
        "slopes": _compare_curves(curves),
    }


def write_scale(results: dict[str, Any], path: Path) -> Path:
    """One JSON file, whole or not at all."""
    return write_whole(path, json.dumps(results, indent=1, allow_nan=False) + "\n")


class _Curve:
    """The points of one curve, and those of them that have run, by their size."""

    def __init__(self, data: str, name: str, pairs: list[tuple[Point, Finished]], *, axis: str) -> None:
        self.data, self.name, self.pairs, self.axis = data, name, pairs, axis
        self.run = sorted((pair for pair in pairs if pair[1].records), key=lambda pair: _size(pair[1], axis))
        self.finished = [one for _, one in self.run]
        self.sizes = [_size(one, axis) for one in self.finished]

    @cached_property
    def sides(self) -> list[AucSide]:
        """The AUCs at the sizes.

        Raises:
            DataError: the test rows are of one class.
        """
        return [auc_side(one.labels, one.scores) for one in self.finished]


def _compare_curves(curves: list[_Curve]) -> list[dict[str, Any]]:
    """Of every two curves on the same data, by how much more one gains in the last decade; all are one family."""
    found = []
    for one, other in combinations(curves, 2):
        if one.data != other.data:
            continue
        try:
            slope = compare_slopes((one.sizes, one.sides), (other.sizes, other.sides))
        except DataError:  # of one curve or the other, whose own verdict says it
            continue
        found.append({"data": one.data, "one": one.name, "other": other.name} | _slope(slope))
    corrected = holm([pair["p_value"] for pair in found])
    return [
        pair | {"p_holm": p_holm, "verdict": _slope_word(pair, p_holm)}
        for pair, p_holm in zip(found, corrected, strict=True)
    ]


def _slope_word(pair: dict[str, Any], p_holm: float) -> str:
    """What is told of the first curve; with one seed a size nothing is, as nobody knows the luck of seeds."""
    if pair["seeds_error"] is None or p_holm >= LEVEL:
        return "not told apart"
    return "gains more" if pair["difference"] > 0 else "gains less"


def _judge_curve(settings: ScaleSettings, curve: _Curve) -> dict[str, Any]:
    axis, first = curve.axis, curve.pairs[0][0]
    laws, reason = _fit(curve.sizes, curve.finished, draws=settings.scale.draws)
    record = next((record for one in curve.finished for record in one.records.values()), None)
    points = [_line(point, one, axis) for point, one in curve.run]
    return {
        "curve": curve.name,
        "label": first.name,
        "model": first.entrant.model.name,
        "data": first.entrant.data.name,
        "dataset": record and record.dataset,
        "split": record and record.split,
        "real": first.entrant.data.real,
        "test_rows": record and record.rows["test"],
        "along": list(first.along),
        "points": points + [_line(point, one, axis) for point, one in curve.pairs if not one.records],
        "best": _best(points),
        "laws": {metric: _law(law) for metric, law in laws.items()},
        "no_law": reason,
        "fitted": _fitted(curve.sizes, laws),
        "extrapolation": _beyond(curve.sizes, laws),
        "saturation": _saturation(curve, threshold=settings.scale.threshold),
        "log_loss_slope": _log_loss_slope(curve.sizes, curve.finished),
    }


def _size(one: Finished, axis: str) -> int:
    """The ``N`` of a point that has run."""
    record = next(iter(one.records.values()))
    if axis == "rows":
        return record.rows["train"]
    size = one.size()
    known = [count for part in _COUNTED[axis] if (count := size[part]) is not None]
    if len(known) < len(_COUNTED[axis]):
        raise DataError(f"{one.folder}: has final runs, but not what they were chosen by. Start the study again.")
    return sum(known)


def _line(point: Point, one: Finished, axis: str) -> dict[str, Any]:
    """One point: where it stands, what it costs, and what its seeds reached."""
    records, size = one.records.values(), one.size()
    aucs = [record.test["auc"] for record in records]
    mean = mean_of_known(aucs)
    reach = mean_interval([auc for auc in aucs if auc is not None])
    return {
        "label": point.entrant.label,
        "place": point.place,
        "target": point.entrant.target,
        "size": _size(one, axis) if one.records else None,
        "parameters": {name: size[name] for name in ("dense", "embedding", "active")},
        "flops": size["flops"],
        "train_rows": next((record.rows["train"] for record in records), None),
        "auc": mean,
        "low": reach and reach[0],
        "high": reach and reach[1],
        "log_loss": mean_of_known([record.test["log_loss"] for record in records]),
        "seeds": [
            {
                "seed": seed,
                "auc": record.test["auc"],
                "log_loss": record.test["log_loss"],
                "valid": record.valid["auc"],
                "best_epoch": record.best["epoch"],
            }
            for seed, record in one.records.items()
        ],
        "failed": one.failed,
        "train_seconds": mean_of_known([record.timings["train_seconds"] for record in records]),
        "settings": {
            name: value for name, value in one.chosen.get("settings", {}).get("model", {}).items() if name != "name"
        },
    }


def _fit(sizes: list[int], finished: list[Finished], *, draws: int) -> tuple[dict[str, PowerLaw], str | None]:
    """The laws of AUC and log loss, as far as these are defined, or why there are none."""
    try:
        laws = {
            metric: fit_power_law(sizes, values, is_loss=metric == "log_loss", draws=draws)
            for metric in _METRICS
            if (values := _values(finished, metric)) is not None
        }
    except DataError as error:
        return {}, str(error)
    return laws, None if "auc" in laws else "the AUC of a run is not defined, as its test rows are of one class"


def _values(finished: list[Finished], metric: str) -> list[list[float]] | None:
    """The metric of each seed of each size; None if one has no value, as an AUC of a single class."""
    values = [[record.test[metric] for record in one.records.values()] for one in finished]
    known = [[value for value in side if value is not None] for side in values]
    return known if known == values else None


def _best(points: list[dict[str, Any]]) -> str | None:
    known = [point for point in points if point["auc"] is not None]
    return max(known, key=lambda point: point["auc"])["label"] if known else None


def _law(law: PowerLaw) -> dict[str, Any]:
    return {
        "limit": _plain(law.limit),
        "factor": _plain(law.factor),
        "exponent": _plain(law.exponent),
        "centre": law.centre,
        "is_identified": law.is_identified,
        "misfit": law.misfit,
    }


def _plain(estimate: Estimate) -> list[float]:
    """Value, low and high."""
    return [round(number, _DIGITS) for number in (estimate.value, estimate.low, estimate.high)]


def _fitted(sizes: list[int], laws: dict[str, PowerLaw]) -> dict[str, Any]:
    """The laws at sizes evenly apart by their logarithm, from the smallest to a hundred times the largest."""
    if not laws:
        return {}
    inside = np.geomspace(sizes[0], sizes[-1], _DRAWN).round().tolist()
    beyond = np.geomspace(sizes[-1], _FARTHER[-1] * sizes[-1], _DRAWN).round().tolist()[1:]
    drawn = [*inside, *beyond]
    return {"size": drawn} | {metric: [_plain(one) for one in law.at(drawn)] for metric, law in laws.items()}


def _beyond(sizes: list[int], laws: dict[str, PowerLaw]) -> list[dict[str, Any]]:
    if not laws:
        return []
    found = {metric: law.at([factor * sizes[-1] for factor in _FARTHER]) for metric, law in laws.items()}
    return [
        {"factor": factor, "size": factor * sizes[-1]} | {metric: _plain(found[metric][place]) for metric in laws}
        for place, factor in enumerate(_FARTHER)
    ]


def _saturation(curve: _Curve, *, threshold: float) -> dict[str, Any]:
    try:
        found = judge_saturation(curve.sizes, curve.sides, threshold=threshold)
    except DataError as error:
        return {"verdict": "not told apart", "reason": str(error), "from_size": None, "slope": None, "overall": None}
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "from_size": found.from_size,
        "window": list(found.window),
        "slope": _slope(found.slope),
        "overall": _slope(found.overall),
    }


def _log_loss_slope(sizes: list[int], finished: list[Finished]) -> dict[str, Any] | None:
    """Log loss gained by ten times the size, over all sizes; the seeds alone as chance, so with one a size nothing."""
    values = _values(finished, "log_loss")
    if values is None or len(set(sizes)) < 2:
        return None
    slope = weigh_values(values, slope_weights(sizes))
    return None if slope is None else _slope(slope)


def _slope(found: Comparison) -> dict[str, Any]:
    names = ("difference", "low", "high", "rows_error", "seeds_error", "p_value")
    return {name: getattr(found, name) for name in names}
