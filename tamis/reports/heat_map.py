"""A heat map: a coloured cell for every number of a small table."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from tamis.reports.svg import INK, TEXT, WIDTH, drawing, series_colour, shorten, to_svg

_LETTER = 7.2
_FOOT, _HEAD = 42, 6
_LONGEST_LABEL = 16
_STRONGEST = 0.72
"""The most colour a cell has: text on it can still be read, in light and in dark."""


def draw_heat_map(
    table: Sequence[Sequence[float | None]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    name: str,
    title: str,
    highest: float | None = None,
) -> Markup:
    """One cell a number, the stronger the larger; ``highest`` has the full colour, else the largest number.

    The numbers are written into the cells as percentages where there is room.
    """
    labels = [shorten(row, _LONGEST_LABEL) for row in rows]
    left = 10 + _LETTER * max(len(text) for text in labels)
    row_height = 24 if len(rows) <= 12 else 20
    body = row_height * len(rows)
    height = body + _FOOT + _HEAD
    strongest = highest or max((value for row in table for value in row if value is not None), default=0.0) or 1.0
    cell_width = (WIDTH - left - 4) / len(columns)
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes((left / WIDTH, _FOOT / height, 1 - (left + 4) / WIDTH, body / height))
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(rows), 0)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        cells = [(i, j, value) for i, row in enumerate(table) for j, value in enumerate(row) if value is not None]
        axes.add_collection(
            PatchCollection(
                [Rectangle((j + 0.03, i + 0.04), 0.94, 0.92) for i, j, _ in cells],
                facecolors=[to_rgba(series_colour(0), _STRONGEST * min(1.0, value / strongest)) for *_, value in cells],
                edgecolors="none",
            )
        )
        if cell_width >= 25:
            for i, j, value in cells:
                text = f"{100 * value:.0f}" if value >= 0.095 else f"{100 * value:.1f}"
                axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=INK, fontsize=TEXT - 3)
        every = -(-22 // int(max(cell_width, 1)))
        shown = range(0, len(columns), every)
        axes.set_xticks([j + 0.5 for j in shown], [columns[j] for j in shown])
        axes.set_yticks([i + 0.5 for i in range(len(rows))], labels)
        axes.tick_params(length=0)
        axes.set_xlabel(label)
        return to_svg(figure, name=name, title=title)
