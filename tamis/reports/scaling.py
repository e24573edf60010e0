"""The page of a scaling study: its results in, one HTML file out, that needs nothing but itself."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from tamis.errors import DataError
from tamis.record import write_whole
from tamis.reports.scaling_plot import AXES, draw_scaling
from tamis.reports.svg import SERIES
from tamis.reports.template import render
from tamis.reports.wording import format_gain, format_number, format_p, format_short

_FORMAT = 1


def write_scaling_page(results: dict[str, Any], output: Path, *, title: str | None = None) -> Path:
    """Draw one self-contained HTML page from what ``tamis scale`` found; the same results give the same bytes.

    Raises:
        DataError: the results are of a newer format, or hold no curve.
    """
    if results.get("format", 0) > _FORMAT:
        raise DataError(
            f"scaling results have format {results['format']}; this tamis reads up to {_FORMAT}. Upgrade tamis."
        )
    if not results.get("curves"):
        raise DataError("scaling results hold no curve. Run tamis scale first.")
    return write_whole(output, render_scaling(results, title=title or results["study"]))


def render_scaling(results: dict[str, Any], *, title: str) -> str:
    """The page as text."""
    names = list(dict.fromkeys(curve["data"] for curve in results["curves"]))
    sections = [
        _section([curve for curve in results["curves"] if curve["data"] == name], results, f"d{place}")
        for place, name in enumerate(names)
    ]
    return render("scaling.html", title=title, sections=sections, results=results, axis=AXES[results["axis"]])


def _section(curves: list[dict[str, Any]], results: dict[str, Any], name: str) -> dict[str, Any]:
    """Everything the template prints of one data set."""
    axis, numbered = results["axis"], list(enumerate(curves))
    return {
        "name": name,
        "data": curves[0]["data"],
        "facts": next((curve for curve in curves if curve["dataset"]), curves[0]),
        "overviews": _pictures(numbered, axis, name) if len(curves) > 1 else [],
        "gains": [_gains(series, curve) for series, curve in numbered],
        "slopes": [
            (pair["one"], pair["other"], pair, pair["verdict"])
            for pair in results.get("slopes", [])
            if pair["data"] == curves[0]["data"]
        ],
        "curves": [
            {
                "series": series % SERIES,
                "curve": curve,
                "sentence": describe_saturation(curve),
                "cautions": cautions(curve),
                "pictures": _pictures([(series, curve)], axis, f"{name}-{series}"),
                "laws": [(word, _law(curve, metric)) for metric, word in _WORDS.items() if metric in curve["laws"]],
                "beyond": [
                    (
                        part["factor"],
                        part["size"],
                        *(_interval(part[metric]) if metric in part else None for metric in _WORDS),
                    )
                    for part in curve["extrapolation"]
                ],
            }
            for series, curve in numbered
        ],
    }


_WORDS = {"auc": "AUC", "log_loss": "log loss"}


def _gains(series: int, curve: dict[str, Any]) -> dict[str, Any]:
    """What ten times the size brought a curve; None where nothing can be said."""
    found = curve["saturation"]
    return {
        "series": series % SERIES,
        "curve": curve["curve"],
        "verdict": found["verdict"],
        "window": found["slope"] and [format_short(size) for size in found["window"]],
        "auc": found["slope"],
        "overall": found["overall"],
        "log_loss": curve["log_loss_slope"],
    }


def _pictures(curves: list[tuple[int, dict[str, Any]]], axis: str, name: str) -> list[Markup]:
    drawn = [draw_scaling(curves, metric, axis=axis, name=f"{name}-{metric}") for metric in _WORDS]
    return [picture for picture in drawn if picture is not None]


def describe_saturation(curve: dict[str, Any]) -> str:
    """The verdict and the slope it rests on, in one sentence."""
    found = curve["saturation"]
    slope = found["slope"]
    if slope is None:
        return f"{found['verdict']}: {found['reason']}"
    gain = f"{format_gain(slope)} AUC by ten times the size"
    low, high = (format_short(size) for size in found["window"])
    words = found["verdict"]
    if found["from_size"]:
        words += f" from {format_short(found['from_size'])}"
    return f"{words}: {gain}, from {low} to {high}; {found['reason']}."


def cautions(curve: dict[str, Any]) -> list[str]:
    """What to know before the law of a curve is believed."""
    found = []
    if not curve["laws"]:
        found.append(f"No law was fitted: {curve['no_law']}")
    for metric, law in curve["laws"].items():
        word = _WORDS[metric]
        if not law["is_identified"]:
            found.append(f"Exponent of {word} not identified: limit and extrapolation hang on the form of the law.")
        if law["misfit"] < 0.05:
            chance = format_p(law["misfit"])
            found.append(f"{word} follows no power law here (chance {chance}): the extrapolation is worthless.")
    failed = [failed for point in curve["points"] for failed in point["failed"]]
    if failed:
        found.append(f"{len(failed)} run{'s' if len(failed) > 1 else ''} failed: {failed[0]['reason']}")
    return found


def _law(curve: dict[str, Any], metric: str) -> dict[str, Any]:
    law = curve["laws"][metric]
    return {
        "limit": _interval(law["limit"]),
        "exponent": _interval(law["exponent"], decimals=2),
        "factor": _interval(law["factor"]),
        "centre": format_short(law["centre"]),
        "misfit": f"{law['misfit']:.2f}",
    }


def _interval(numbers: list[float], *, decimals: int = 4) -> tuple[str, str]:
    """The value, and the ends of its interval."""
    value, low, high = (format_number(float(number), decimals=decimals) for number in numbers)
    return value, f"[{low}, {high}]"
