"""The frame of a picture with a line a model under headings, names at the left and one axis for all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from markupsafe import Markup
from matplotlib.axes import Axes

from tamis.reports.svg import INK, MUTED, TEXT, WIDTH, drawing, shorten, to_svg

_LABELS = 158
_ROW = 17
_FOOT = 42
_LETTERS = 24


class Labelled(Protocol):
    """What stands in a line: it has a name."""

    @property
    def label(self) -> str:
        """The name."""
        ...


Row = TypeVar("Row", bound=Labelled)


def draw_rows(
    groups: Mapping[str, Sequence[Row]],
    mark: Callable[[Axes, int, Row], None],
    *,
    name: str,
    title: str,
    axis: str,
    beside: float,
    scale: Callable[[Axes], None] = lambda _: None,
) -> Markup:
    """Every line's marks, made by ``mark``, about a dashed line at ``beside``; ``scale`` may set the axis."""
    rows: list[str | Row] = [row for heading, group in groups.items() for row in (heading, *group)]
    height = _ROW * len(rows) + _FOOT + 6
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes((_LABELS / WIDTH, _FOOT / height, 1 - (_LABELS + 14) / WIDTH, _ROW * len(rows) / height))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(axis)
        axes.axvline(beside, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        side = axes.get_yaxis_transform()
        style = {"transform": side, "va": "center", "fontsize": TEXT - 2}
        edge = -_LABELS / (WIDTH - _LABELS - 14)
        for place, row in enumerate(rows):
            if isinstance(row, str):
                axes.text(edge, place, shorten(row, 2 * _LETTERS), color=MUTED, weight="bold", ha="left", **style)
            else:
                axes.text(-0.03, place, shorten(row.label, _LETTERS), color=INK, ha="right", **style)
                mark(axes, place, row)
        scale(axes)
        return to_svg(figure, name=name, title=title)
