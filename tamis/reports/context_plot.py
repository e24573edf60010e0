"""Where the fields of a model count: a dot for each field in each value of the context."""

import numpy as np
from markupsafe import Markup

from tamis.reports.comparison import Model
from tamis.reports.svg import CARD, INK, WIDTH, drawing, series_colour, shorten, to_svg
from tamis.reports.tables import ContextTable

MOST_VALUES, MOST_FIELDS = 24, 60
"""What a picture can show; of more the record tells."""
_LETTER, _ROW, _LONGEST_LABEL = 7.2, 18, 18


def draw_context(model: Model, table: ContextTable, *, name: str) -> Markup:
    """Fields below each other, values side by side: a dot where a field counts, a ring if not by every seed."""
    fields, values = table.fields[:MOST_FIELDS], table.values[:MOST_VALUES]
    left = 10 + _LETTER * min(_LONGEST_LABEL, max(len(field) for field in fields))
    top = 24 + 0.8 * _LETTER * min(_LONGEST_LABEL, max(len(value) for value in values))
    height = _ROW * len(fields) + top + 4
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes((left / WIDTH, 4 / height, 1 - (left + 8) / WIDTH, _ROW * len(fields) / height))
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_ylim(len(fields) - 0.5, -0.5)
        axes.set_yticks(range(len(fields)), [shorten(field, _LONGEST_LABEL) for field in fields])
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        is_long = max(len(value) for value in values) > 2
        labels = [shorten(value, _LONGEST_LABEL) for value in values]
        axes.set_xticks(range(len(values)), labels, rotation=60 if is_long else 0, ha="left" if is_long else "center")
        axes.set_xlabel(shorten(table.context, 2 * _LONGEST_LABEL), color=INK)
        colour = series_colour(model.series)
        shares = np.array(table.shares)[:MOST_FIELDS, :MOST_VALUES]
        for shown, inside in ((shares == 1, colour), ((shares > 0) & (shares < 1), CARD)):
            rows, columns = shown.nonzero()
            axes.plot(columns, rows, "o", color=colour, markerfacecolor=inside, markersize=7)
        title = f"Where the fields of {model.label} count, by {table.context}"
        return to_svg(figure, name=name, title=title)
