"""Pictures of one contest: every model's AUC with its interval, and what each pair says of the other."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from tamis.reports.svg import CARD, GRID, INK, MUTED, TEXT, WIDTH, drawing, series_colour, shorten, to_svg

_LABELS = 158
_ROW = 23
_FOOT = 42
_LETTERS = 18
_OWN, _OTHER, _BETTER, _WORSE = series_colour(0), series_colour(6), series_colour(2), series_colour(1)
# A model further behind the best than so many times the middle one would squeeze all others into a corner.
_FAR = 4.0


def draw_ranking(ranking: Sequence[dict[str, Any]], *, name: str, title: str) -> Markup:
    """A line a model, the best first: dot and interval, full if it is best or not told apart from the best.

    SSR models have the colour, references from outside a diamond; one far behind is an arrow at the edge.
    """
    height = _ROW * len(ranking) + _FOOT + 6
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes(
            (_LABELS / WIDTH, _FOOT / height, 1 - (_LABELS + 14) / WIDTH, _ROW * len(ranking) / height)
        )
        low, high = _span(ranking)
        axes.set_xlim(low, high)
        axes.set_ylim(len(ranking) - 0.5, -0.5)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel("test AUC with 95 % interval")
        best = next(line for line in ranking if line["against_best"] == "best")
        axes.axvline(best["auc"], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        for place, line in enumerate(ranking):
            _draw_line(axes, place, line, low)
        return to_svg(figure, name=name, title=title)


def draw_matrix(
    ranking: Sequence[dict[str, Any]], verdicts: dict[tuple[str, str], str], *, name: str, title: str
) -> Markup:
    """A square a pair: what the model of the line is, beside that of the column, which has the line's number."""
    models = [line["model"] for line in ranking]
    cell = min((WIDTH - _LABELS - 4) / len(models), 24)
    width, height = WIDTH, cell * len(models) + 24
    with drawing(width, height) as figure:
        side = cell * len(models)
        axes = figure.add_axes((_LABELS / width, 2 / height, side / width, side / height))
        axes.set_xlim(0, len(models))
        axes.set_ylim(len(models), 0)
        axes.axis("off")
        size = max(8.0, min(TEXT - 2, 0.74 * cell))
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
            axes.text(row + 0.5, -0.25, str(row + 1), color=MUTED, ha="center", va="bottom", fontsize=size)
        for verdict in ("better", "worse", "not told apart"):
            places = [
                (row, column)
                for row, one in enumerate(models)
                for column, other in enumerate(models)
                if one != other and verdicts[one, other] == verdict
            ]
            if places:
                _draw_cells(axes, np.array(places, dtype=float), verdict, stroke=0.09 * cell)
        return to_svg(figure, name=name, title=title)


def is_own(line: dict[str, Any]) -> bool:
    """Whether a line of a ranking is an SSR model."""
    return line["name"].startswith("ssr") and not line["outside"]


def _draw_line(axes: Axes, place: int, line: dict[str, Any], left: float) -> None:
    own = is_own(line)
    colour = _OWN if own else _OTHER
    text = shorten(line["label"], _LETTERS)
    weight = "bold" if own else "normal"
    labels = axes.get_yaxis_transform()
    axes.text(-0.03, place, text, transform=labels, color=INK, ha="right", va="center", weight=weight)
    # Also where only the interval would be cut, for that would look narrower than it is.
    if line["low"] < left:
        axes.plot([0.012], [place], "<", transform=labels, color=colour, markersize=6, clip_on=False)
        axes.text(0.035, place, f"{line['auc']:.4f}", transform=labels, color=MUTED, va="center", fontsize=TEXT - 2)
        return
    axes.plot([line["low"], line["high"]], [place, place], color=colour, linewidth=4.5, alpha=0.35)
    is_first = line["against_best"] in ("best", "not told apart")
    marker, size = ("D", 6) if line["outside"] else ("o", 8)
    inside = colour if is_first else CARD
    axes.plot([line["auc"]], [place], marker, color=colour, markerfacecolor=inside, markersize=size)


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
