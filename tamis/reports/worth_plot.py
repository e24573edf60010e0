"""What the fields of a model are worth: a dot a field, and a bar for how sure it is."""

import math
import statistics
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import AsinhLocator, FuncFormatter

from tamis.reports.comparison import Model
from tamis.reports.svg import CARD, INK, MUTED, TEXT, WIDTH, drawing, series_colour, shorten, to_svg
from tamis.reports.tables import FieldLine

FIELDS_A_PICTURE = 20
_LETTER, _NUMBERS, _COUNTS = 7.2, 50, 44
_ROW, _FOOT, _HEAD = 18, 42, 4
_LONGEST_LABEL = 18
_ERRORS = 2


def draw_worth(model: Model, lines: Sequence[FieldLine], *, name: str) -> list[Markup]:
    """Pictures of twenty fields each, on one axis: in the model's colour what is kept, a ring if not by every seed."""
    left = 10 + _LETTER * min(_LONGEST_LABEL, max(len(line.name) for line in lines))
    right = _NUMBERS + (_COUNTS if any(line.is_disputed for line in lines) else 0)
    pictures = []
    for first in range(0, len(lines), FIELDS_A_PICTURE):
        part = lines[first : first + FIELDS_A_PICTURE]
        height = _ROW * len(part) + _FOOT + _HEAD
        with drawing(WIDTH, height) as figure:
            size = (1 - (left + right) / WIDTH, _ROW * len(part) / height)
            axes = figure.add_axes((left / WIDTH, _FOOT / height, *size))
            _set_axis(axes, lines)
            axes.set_ylim(len(part) - 0.5, -0.5)
            axes.set_yticks(range(len(part)), [shorten(line.name, _LONGEST_LABEL) for line in part])
            for place, (line, label) in enumerate(zip(part, axes.get_yticklabels(), strict=True)):
                label.set_color(INK if line.kept else MUTED)
                _draw_line(axes, place, line, series_colour(model.series) if line.kept else MUTED, _decimals(lines))
            title = f"Worth of fields {first + 1} to {first + len(part)} of {len(lines)}, in runs of {model.label}"
            pictures.append(to_svg(figure, name=f"{name}-{first}", title=title))
    return pictures


def _draw_line(axes: Axes, place: int, line: FieldLine, colour: str, decimals: int) -> None:
    axes.plot(_interval(line), [place, place], color=colour, linewidth=4, alpha=0.35)
    inside = CARD if line.is_disputed else colour
    axes.plot([line.worth], [place], "o", color=colour, markerfacecolor=inside, markersize=6)
    # Beside the axes, in units of the picture.
    texts = [(f"{line.worth:z.{decimals}f}", _NUMBERS - 4, "right")]
    texts += [(f"{line.kept} of {line.seeds}", _NUMBERS + 4, "left")] if line.is_disputed else []
    for text, distance, side in texts:
        axes.annotate(
            text,
            (1, place),
            (distance, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            color=MUTED,
            ha=side,
            va="center_baseline",
            fontsize=TEXT - 2,
        )


def _set_axis(axes: Axes, lines: Sequence[FieldLine]) -> None:
    # Even as far as chance goes, logarithmic beyond: on an even axis one strong field makes dots of all the others, and
    # a logarithmic one has no zero.
    width = _ERRORS * _usual_error(lines)
    axes.set_xscale("asinh", linear_width=width)
    axes.xaxis.set_major_locator(AsinhLocator(width, numticks=6, base=0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda worth, _: f"{worth:g}"))
    axes.minorticks_off()
    axes.set_xmargin(0.03)
    axes.update_datalim([(end, 0) for line in lines for end in (0, *_interval(line))], updatey=False)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("worth in thousandths of a nat")


def _interval(line: FieldLine) -> tuple[float, float]:
    return line.worth - _ERRORS * line.error, line.worth + _ERRORS * line.error


def _usual_error(lines: Sequence[FieldLine]) -> float:
    return statistics.median([line.error for line in lines if line.error] or [1.0])


def _decimals(lines: Sequence[FieldLine]) -> int:
    """As many as tell two errors apart."""
    return max(0, 1 - math.floor(math.log10(_usual_error(lines))))
