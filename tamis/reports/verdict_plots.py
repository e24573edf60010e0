"""Pictures of one contest: every model's AUC with its interval, and what each pair says of the other."""

import statistics
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from tamis.record import is_ssr, pair_test
from tamis.reports.svg import CARD, GRID, INK, MUTED, TEXT, WIDTH, drawing, series_colour, shorten, to_svg

_LABELS = 158
_ROW = 23
_FOOT = 42
_LETTERS = 18
# A small picture fills half of a phone: its letters must be read there, and no names fit beside its lines.
_SMALL_WIDTH, _SMALL_EDGE, _SMALL_FOOT = 200, 12, 24
_SMALL_ROWS, _SMALL_HEIGHT = (8.0, 15.0), 180
# Above so many models a matrix has small letters.
_FEW = 14
_OWN, _OTHER, _BETTER, _WORSE = series_colour(0), series_colour(6), series_colour(2), series_colour(1)
# A model further behind the best than so many times the middle one would squeeze all others into a corner.
_FAR = 4.0


def draw_ranking(
    ranking: Sequence[dict[str, Any]], *, name: str, title: str, resolution: float | None = None
) -> Markup:
    """A line a model, the best first: dot and interval, full if it is best or not told apart from the best.

    SSR models have the colour, references from outside a diamond; one far behind is an arrow at the edge, as full. The
    band left of the best is as wide as ``resolution``: where it ends, half of the models would be told for sure.
    """
    height = _ROW * len(ranking) + _FOOT + 6
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes(
            (_LABELS / WIDTH, _FOOT / height, 1 - (_LABELS + 14) / WIDTH, _ROW * len(ranking) / height)
        )
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel("test AUC with 95 % interval")
        _draw_models(axes, ranking, resolution, dot=8, bar=4.5)
        side = axes.get_yaxis_transform()
        for place, line in enumerate(ranking):
            weight = "bold" if is_ssr(line) else "normal"
            text = shorten(line["label"], _LETTERS)
            axes.text(-0.03, place, text, transform=side, color=INK, ha="right", va="center", weight=weight)
            if _is_cut(line, axes):
                style = {"color": MUTED, "va": "center", "fontsize": TEXT - 2}
                axes.text(0.035, place, f"{line['auc']:.4f}", transform=side, **style)
        return to_svg(figure, name=name, title=title)


def draw_small_ranking(
    ranking: Sequence[dict[str, Any]], *, name: str, title: str, resolution: float | None = None
) -> Markup:
    """The same marks in the same order, small and without names: one of many beside each other."""
    least, most = _SMALL_ROWS
    rows = len(ranking) * min(most, max(least, _SMALL_HEIGHT / len(ranking)))
    width, height = _SMALL_WIDTH, rows + _SMALL_FOOT + 2
    with drawing(width, height) as figure:
        axes = figure.add_axes((_SMALL_EDGE / width, _SMALL_FOOT / height, 1 - 2 * _SMALL_EDGE / width, rows / height))
        axes.locator_params(axis="x", nbins=3)
        _draw_models(axes, ranking, resolution, dot=5, bar=3)
        return to_svg(figure, name=name, title=title)


def draw_matrix(ranking: Sequence[dict[str, Any]], tests: Sequence[dict[str, Any]], *, name: str, title: str) -> Markup:
    """A square a pair: what the model of the line is, beside that of the column, which has the line's number.

    Where columns are narrower than two digits, every fifth has its number.
    """
    models = [line["model"] for line in ranking]
    words = {pair: pair_test(tests, *pair)["verdict"] for pair in permutations(models, 2)}
    size, labels, step = (TEXT - 2, _LABELS, 1) if len(models) <= _FEW else (9.0, 122, 5)
    cell = min((WIDTH - labels - 4) / len(models), 24)
    width, height = WIDTH, cell * len(models) + 24
    with drawing(width, height) as figure:
        side = cell * len(models)
        axes = figure.add_axes((labels / width, 2 / height, side / width, side / height))
        axes.set_xlim(0, len(models))
        axes.set_ylim(len(models), 0)
        axes.axis("off")
        for row in range(len(models)):
            axes.text(
                -0.25,
                row + 0.5,
                _numbered(row, ranking[row]["label"]),
                color=INK,
                ha="right",
                va="center",
                fontsize=size,
            )
            if row == 0 or (row + 1) % step == 0:
                axes.text(row + 0.5, -0.25, str(row + 1), color=MUTED, ha="center", va="bottom", fontsize=size)
        for verdict in ("better", "worse", "not told apart"):
            places = [
                (row, column)
                for row, one in enumerate(models)
                for column, other in enumerate(models)
                if words.get((one, other)) == verdict
            ]
            if places:
                _draw_cells(axes, np.array(places, dtype=float), verdict, stroke=0.09 * cell)
        return to_svg(figure, name=name, title=title)


def _draw_models(
    axes: Axes, ranking: Sequence[dict[str, Any]], resolution: float | None, *, dot: float, bar: float
) -> None:
    """The axis of AUC, the best model's line and band, and every model's marks; marks of one kind are one path."""
    axes.set_xlim(*_span(ranking))
    axes.set_ylim(len(ranking) - 0.5, -0.5)
    axes.set_yticks([])
    best = next(line for line in ranking if line["against_best"] == "best")
    if resolution is not None:
        axes.axvspan(best["auc"] - resolution, best["auc"], color=GRID, alpha=0.6, linewidth=0, zorder=0)
    axes.axvline(best["auc"], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
    kinds: dict[tuple[str, str, str], list[tuple[int, dict[str, Any]]]] = {}
    for place, line in enumerate(ranking):
        colour = _OWN if is_ssr(line) else _OTHER
        inside = colour if line["against_best"] in ("best", "not told apart") else CARD
        marker = "<" if _is_cut(line, axes) else "D" if line["outside"] else "o"
        kinds.setdefault((colour, inside, marker), []).append((place, line))
    for (colour, inside, marker), lines in kinds.items():
        places = [place for place, _ in lines]
        style = {"color": colour, "markerfacecolor": inside, "markersize": dot if marker == "o" else 0.75 * dot}
        if marker == "<":
            edge = {"transform": axes.get_yaxis_transform(), "clip_on": False}
            axes.plot([0.012] * len(places), places, marker, **style, **edge)
            continue
        low, mean, high = ([line[key] for _, line in lines] for key in ("low", "auc", "high"))
        axes.hlines(places, low, high, color=colour, linewidth=bar, alpha=0.35, capstyle="round")
        axes.plot(mean, places, marker, **style)


def _is_cut(line: dict[str, Any], axes: Axes) -> bool:
    """Whether a model is too far behind to show; also where only its interval is, which would look narrower."""
    return line["low"] < axes.get_xlim()[0]


def _draw_cells(axes: Axes, places: np.ndarray, verdict: str, *, stroke: float) -> None:
    """All squares of one verdict as one path, which keeps the page small, and their signs as another."""
    colour = {"better": _BETTER, "worse": _WORSE}.get(verdict, GRID)
    corners = np.array([(0.06, 0.06), (0.94, 0.06), (0.94, 0.94), (0.06, 0.94), (0.06, 0.06)])
    axes.add_patch(PathPatch(_joined(places, corners), facecolor=colour, linewidth=0))
    signs = {"better": [[(0.3, 0.5), (0.7, 0.5)], [(0.5, 0.3), (0.5, 0.7)]], "worse": [[(0.3, 0.5), (0.7, 0.5)]]}
    for bar in signs.get(verdict, []):
        path = _joined(places, np.array(bar))
        axes.add_patch(PathPatch(path, fill=False, edgecolor=CARD, linewidth=stroke, capstyle="round"))


def _joined(places: np.ndarray, points: np.ndarray) -> Path:
    """The same line from point to point in the square at each place (row, column)."""
    vertices = (places[:, None, ::-1] + points).reshape(-1, 2)
    codes = np.tile([Path.MOVETO] + [Path.LINETO] * (len(points) - 1), len(places))
    return Path(vertices, codes)


def _numbered(row: int, label: str) -> str:
    return f"{shorten(label, _LETTERS - 1)} {row + 1}"


def _span(ranking: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """From the worst to the best interval, but for what is far behind."""
    best = max(line["auc"] for line in ranking)
    least = best - _FAR * (best - statistics.median(line["auc"] for line in ranking))
    shown = [line for line in ranking if line["auc"] >= least]
    low, high = min(line["low"] for line in shown), max(line["high"] for line in shown)
    margin = max(0.04 * (high - low), 0.0002)
    # Room at the left for the arrows of what is not shown, and their numbers.
    return low - (margin if len(shown) == len(ranking) else 0.22 * (high - low)), high + margin
