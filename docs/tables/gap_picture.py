"""How far models are from others, as a picture: a line a pair with its interval, about zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tamis.record import pair_test
from tamis.reports.svg import CARD, INK, MUTED, TEXT, WIDTH, drawing, series_colour, shorten, to_svg

_LABELS = 158
_ROW = 17
_FOOT = 42
_LETTERS = 24
_HIGHER, _LOWER = series_colour(2), series_colour(1)


@dataclass(frozen=True)
class Gap:
    """How far one model is above another, with its interval; ``told`` after correction or not."""

    label: str
    mean: float
    low: float
    high: float
    told: bool

    @classmethod
    def of(cls, tests: Sequence[dict[str, Any]], one: str, other: str, *, label: str) -> "Gap":
        """The gap of two models of a contest, as its tests hold it."""
        test = pair_test(tests, one, other)
        return cls(label, test["difference"], test["low"], test["high"], test["verdict"] != "not told apart")

    @property
    def colour(self) -> str:
        """That of higher or lower where the interval leaves zero out."""
        return _HIGHER if self.low > 0 else _LOWER if self.high < 0 else MUTED


def draw_gaps(groups: Mapping[str, Sequence[Gap]], *, name: str, title: str, axis: str) -> Markup:
    """Lines under headings: in colour where the interval leaves zero out, a full dot where the difference is told."""
    rows: list[str | Gap] = [row for heading, gaps in groups.items() for row in (heading, *gaps)]
    height = _ROW * len(rows) + _FOOT + 6
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes((_LABELS / WIDTH, _FOOT / height, 1 - (_LABELS + 14) / WIDTH, _ROW * len(rows) / height))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(axis)
        axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        side = axes.get_yaxis_transform()
        style = {"transform": side, "ha": "right", "va": "center", "fontsize": TEXT - 2}
        for place, row in enumerate(rows):
            if isinstance(row, str):
                axes.text(-0.03, place, shorten(row, _LETTERS), color=MUTED, weight="bold", **style)
                continue
            axes.text(-0.03, place, shorten(row.label, _LETTERS), color=INK, **style)
            axes.hlines(place, row.low, row.high, color=row.colour, linewidth=4, alpha=0.4, capstyle="round")
            inside = row.colour if row.told else CARD
            axes.plot(row.mean, place, "o", color=row.colour, markerfacecolor=inside, markersize=6, zorder=3)
        return to_svg(figure, name=name, title=title)
