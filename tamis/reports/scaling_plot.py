"""Quality against size on a logarithmic axis: seeds, means, the fitted law with its band, dashed where it is beyond."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from markupsafe import Markup
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tamis.reports.svg import INK, MUTED, TEXT, WIDTH, drawing, series_colour, series_dash, to_svg
from tamis.reports.wording import format_short

AXES = {
    "parameters": "dense parameters",
    "all_parameters": "parameters with tables",
    "active": "parameters that one row meets",
    "flops": "FLOPs of one row",
    "rows": "training rows",
}
METRIC_NAMES = {"auc": "test AUC", "log_loss": "test log loss (nats)"}

_HEIGHT = 270
_LEFT, _RIGHT, _FOOT, _HEAD = 62, 14, 46, 12
_LEGEND_COLUMNS, _LEGEND_LINE = 3, 22
# Beyond the largest size the picture goes so far; the table goes farther.
_DRAWN_BEYOND = 10.0


def draw_scaling(
    curves: Sequence[tuple[int, dict[str, Any]]],
    metric: str,
    *,
    axis: str,
    name: str,
    has_legend: bool = False,
    heights: tuple[float, float] | None = None,
) -> Markup | None:
    """The curves, each with its series number; bands are drawn of one curve alone. None where nothing has run.

    A legend is for where no page stands around the picture to say which curve is which; ``heights``, the ends of the
    upright axis, for pictures beside each other.
    """
    curves = [(series, curve) for series, curve in curves if _means(curve, metric)]
    if not curves:
        return None
    head = _HEAD + (_LEGEND_LINE * ceil(len(curves) / _LEGEND_COLUMNS) if has_legend else 0)
    height = _HEIGHT + head - _HEAD
    with drawing(WIDTH, height) as figure:
        box = (_LEFT / WIDTH, _FOOT / height, 1 - (_LEFT + _RIGHT) / WIDTH, 1 - (_FOOT + head) / height)
        axes = figure.add_axes(box)
        axes.set_xscale("log")
        for series, curve in curves:
            _plot(axes, curve, metric, series, has_band=len(curves) == 1)
        axes.set_ylim(*(heights or heights_of([curve for _, curve in curves], metric)))
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: format_short(size)))
        axes.locator_params(axis="y", nbins=6)
        axes.set_xlabel(AXES[axis])
        axes.set_ylabel(METRIC_NAMES[metric])
        if has_legend:
            _draw_legend(axes, curves)
        labels = ", ".join(curve["curve"] for _, curve in curves)
        return to_svg(figure, name=name, title=f"{METRIC_NAMES[metric]} against {AXES[axis]}: {labels}")


def _draw_legend(axes, curves: Sequence[tuple[int, dict[str, Any]]]) -> None:  # noqa: ANN001
    lines = [
        Line2D([], [], color=series_colour(series), linestyle=series_dash(series), marker="o", label=curve["curve"])
        for series, curve in curves
    ]
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    axes.legend(handles=lines, ncols=_LEGEND_COLUMNS, frameon=False, labelcolor=INK, **place)


def _plot(axes, curve: dict[str, Any], metric: str, series: int, *, has_band: bool) -> None:  # noqa: ANN001
    colour, dash = series_colour(series), series_dash(series)
    fitted = curve["fitted"]
    means = _means(curve, metric)
    largest = max(size for size, _ in means)
    if metric in fitted:
        rows = [
            (size, *law)
            for size, law in zip(fitted["size"], fitted[metric], strict=True)
            if size <= largest * _DRAWN_BEYOND
        ]
        for part, style in ((_until(rows, largest), dash), (_from(rows, largest), (0, (2, 2.5)))):
            if len(part) > 1:
                sizes, values, low, high = zip(*part, strict=True)
                is_beyond = sizes[0] >= largest
                axes.plot(sizes, values, color=colour, linestyle=style, linewidth=1.8, alpha=0.9)
                if has_band:
                    axes.fill_between(sizes, low, high, color=colour, alpha=0.1 if is_beyond else 0.2, linewidth=0)
        if has_band:
            axes.axvline(largest, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
            place = axes.get_xaxis_transform()
            axes.text(
                largest, 0.02, " extrapolated", transform=place, color=MUTED, ha="left", va="bottom", fontsize=TEXT - 2
            )
    for point in curve["points"]:
        seeds = [seed[metric] for seed in point["seeds"] if seed[metric] is not None]
        axes.plot([point["size"]] * len(seeds), seeds, "o", color=colour, markersize=5, fillstyle="none", alpha=0.7)
    sizes, values = zip(*means, strict=True)
    style = {"linestyle": ":" if metric not in fitted else "", "linewidth": 1}
    axes.plot(sizes, values, marker="o", color=colour, markersize=6, **style)


def _means(curve: dict[str, Any], metric: str) -> list[tuple[float, float]]:
    return [(point["size"], point[metric]) for point in curve["points"] if point[metric] is not None]


def _until(rows: list[tuple[float, ...]], largest: float) -> list[tuple[float, ...]]:
    return [row for row in rows if row[0] <= largest]


def _from(rows: list[tuple[float, ...]], largest: float) -> list[tuple[float, ...]]:
    return [row for row in rows if row[0] >= largest]


def heights_of(curves: Sequence[dict[str, Any]], metric: str) -> tuple[float, float]:
    """What the points span, and not much more of an extrapolation: an unsure one would flatten all else."""
    values = [seed[metric] for curve in curves for point in curve["points"] for seed in point["seeds"]]
    values = [value for value in values if value is not None]
    low, high = min(values), max(values)
    span = max(high - low, 0.002)
    drawn = [number for curve in curves for law in curve["fitted"].get(metric, []) for number in law]
    lowest, highest = min([low, *drawn]), max([high, *drawn])
    return max(lowest, low - 0.6 * span) - 0.06 * span, min(highest, high + 0.6 * span) + 0.06 * span
