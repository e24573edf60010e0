"""Pictures of an inspection: weight mass, magnitudes of weights, learned rates and scales."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tamis.record import Inspection
from tamis.reports.svg import GRID, INK, MUTED, TEXT, WIDTH, drawing, series_colour, series_dash, shorten, to_svg

_HEIGHT = 270
_LEFT, _RIGHT, _FOOT, _HEAD = 60, 14, 44, 12
_PAPER = (0.04, 0.8)
"""What arXiv 2604.08011 reports of a production model: 80 % of the weight mass in 4 % of the input dimensions."""


def draw_mass(inspection: Inspection, *, name: str) -> Markup | None:
    """Weight mass against share of input dimensions, for the layers that read the fields; None without one."""
    layers = [layer for layer in inspection.layers if layer["reads_fields"]]
    if not layers:
        return None
    shares = inspection.curve_shares
    with drawing(WIDTH, _HEIGHT) as figure:
        axes = _axes(figure, _HEIGHT)
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1.6)
        for number, layer in enumerate(layers):
            colour, label = series_colour(number), shorten(layer["name"], 34)
            axes.plot(shares, layer["untrained"]["curve"], color=MUTED, linestyle=(0, (2, 1.6)), linewidth=1.3)
            axes.plot(shares, layer["trained"]["curve"], color=colour, linestyle=series_dash(number), label=label)
            if layer["trained"]["curve_on_rows"]:
                axes.plot(shares, layer["trained"]["curve_on_rows"], color=colour, linewidth=1.4, alpha=0.5)
        axes.plot(*_PAPER, "o", color=INK, markersize=7, fillstyle="none")
        axes.annotate("paper", _PAPER, (7, 6), textcoords="offset points", color=INK, fontsize=TEXT - 1)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.set_xlabel("share of input dimensions, heaviest first")
        axes.set_ylabel("share of weight mass")
        axes.legend(loc="lower right", frameon=False, fontsize=TEXT - 3, handlelength=1.4)
        return to_svg(figure, name=name, title="Weight mass against share of input dimensions")


def draw_magnitudes(inspection: Inspection, *, name: str) -> Markup | None:
    """How large the weights of all dense layers are, trained and untrained, on a logarithmic axis."""
    if not inspection.layers:
        return None
    edges = inspection.magnitude_edges
    with drawing(WIDTH, _HEIGHT) as figure:
        axes = _axes(figure, _HEIGHT)
        trained, untrained = (pooled_magnitudes(inspection, key) for key in ("trained", "untrained"))
        axes.stairs(trained, edges, fill=True, color=series_colour(0), alpha=0.35)
        axes.stairs(trained, edges, color=series_colour(0), linewidth=1.6, label="trained")
        axes.stairs(untrained, edges, color=MUTED, linestyle=(0, (2, 1.6)), linewidth=1.4, label="untrained")
        axes.axvline(-3, color=INK, linewidth=1.0)
        axes.text(-3.08, 0.97, "0.001", ha="right", va="top", transform=axes.get_xaxis_transform(), color=INK)
        seen = [place for place, share in zip(edges, map(max, trained, untrained), strict=False) if share > 0]
        axes.set_xlim(min([*seen, -3.5]) - 0.25, max([*seen, 0.0]) + 0.5)
        axes.xaxis.set_major_locator(_whole_numbers())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{10.0**place:g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.set_xlabel("|w|, four bins a decade")
        axes.set_ylabel("share of all dense weights")
        axes.legend(loc="upper left", frameon=False, fontsize=TEXT - 2, bbox_to_anchor=(0, 0.92))
        return to_svg(figure, name=name, title="Histogram of the magnitudes of all dense weights")


def draw_rates(sieve: Mapping[str, Any], *, name: str) -> Markup:
    """The learned rates of a dynamic filter: one line a view over its iterations, and where they started."""
    with drawing(WIDTH, 220) as figure:
        axes = _axes(figure, 220)
        steps = range(1, sieve["iterations"] + 1)
        axes.axhline(sieve["alpha_start"], color=MUTED, linestyle=(0, (2, 1.6)), linewidth=1.4)
        if min(min(view) for view in sieve["alpha"]) < 0:
            axes.axhline(0, color=INK, linewidth=1.0)
        for number, view in enumerate(sieve["alpha"]):
            axes.plot(steps, view, color=series_colour(number), linestyle=series_dash(number), marker="o", markersize=4)
        axes.margins(x=0.04, y=0.12)
        axes.set_xticks(list(steps))
        axes.set_xlabel("iteration (one line a view; dashed: the start)")
        axes.set_ylabel("rate alpha")
        return to_svg(figure, name=name, title=f"Learned rates of {sieve['name']}")


def draw_scales(sieve: Mapping[str, Any], *, name: str) -> Markup:
    """The learned scales of a dynamic filter: for each view the whole range, its middle half and its median."""
    with drawing(WIDTH, 220) as figure:
        axes = _axes(figure, 220)
        axes.axhline(sieve["gamma_start"], color=MUTED, linestyle=(0, (2, 1.6)), linewidth=1.4)
        for number, (low, quarter, median, three_quarters, high) in enumerate(sieve["gamma_quartiles"], start=1):
            axes.plot([number] * 2, [low, high], color=series_colour(0), linewidth=1.4)
            axes.plot([number] * 2, [quarter, three_quarters], color=series_colour(0), linewidth=6, alpha=0.45)
            axes.plot([number], [median], "o", color=series_colour(0), markersize=4.5)
        axes.margins(x=0.06, y=0.12)
        axes.xaxis.set_major_locator(_whole_numbers())
        axes.set_xlabel("view (bar: middle half; dashed: the start)")
        axes.set_ylabel("scale gamma")
        return to_svg(figure, name=name, title=f"Learned scales of {sieve['name']}")


def pooled_magnitudes(inspection: Inspection, key: str) -> list[float]:
    """The shares of all dense weights in each bin, every weight counted once."""
    counts = [layer["blocks"] * layer["outputs"] * layer["inputs"] for layer in inspection.layers]
    bins = zip(*(layer[key]["magnitudes"] for layer in inspection.layers), strict=True)
    return [sum(count * share for count, share in zip(counts, shares, strict=True)) / sum(counts) for shares in bins]


def _axes(figure: Figure, height: int) -> Axes:
    size = (1 - (_LEFT + _RIGHT) / WIDTH, 1 - (_FOOT + _HEAD) / height)
    return figure.add_axes((_LEFT / WIDTH, _FOOT / height, *size))


def _whole_numbers() -> MaxNLocator:
    return MaxNLocator(nbins=8, integer=True)


def _percent(value: float, _: Sequence[float] | int | None) -> str:
    return f"{100 * value:.3g} %"
