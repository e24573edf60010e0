"""How far models are from others, as a picture: a line a pair with its interval, about zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from tables.grouped_rows import draw_rows
from tamis.record import pair_test
from tamis.reports.svg import CARD, MUTED, series_colour

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
    return draw_rows(groups, _mark, name=name, title=title, axis=axis, beside=0.0)


def _mark(axes: Axes, place: int, gap: Gap) -> None:
    axes.hlines(place, gap.low, gap.high, color=gap.colour, linewidth=4, alpha=0.4, capstyle="round")
    inside = gap.colour if gap.told else CARD
    axes.plot(gap.mean, place, "o", color=gap.colour, markerfacecolor=inside, markersize=6, zorder=3)
