"""What the sparsity lab found, as pictures: a line a model from where it would be otherwise to where it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, PercentFormatter

from tables import lab
from tables.grouped_rows import draw_rows
from tables.lab import Seeds
from tamis.record import is_ssr
from tamis.reports.svg import CARD, series_colour

_OWN, _OTHER = series_colour(0), series_colour(6)


@dataclass(frozen=True)
class Move:
    """Where a model is, and where it would be before training or without its filters if that is known."""

    label: str
    now: float
    before: float | None
    is_ssr: bool


def draw_inputs() -> Markup:
    """How many inputs hold four fifths of the weight mass, weighed by their size, before training and after."""

    def moves(model: str, seeds: Seeds) -> list[Move]:
        key = "dims_for_80_on_rows"
        return [
            _move(f"{model} {_short(layer)}".strip(), seeds, lab.mean_shares(lab.same_layer(seeds, layer), key))
            for layer in lab.reading(seeds)
        ]

    title = "Share of the inputs with 80 % of the weight mass, before training and after"
    return _draw(moves, "sparsity-inputs", title, axis="inputs with 80 % of the mass", beside=0.04)


def draw_zeros() -> Markup:
    """How many activations are zero behind the first layer that has a ReLU or a competition."""

    def moves(model: str, seeds: Seeds) -> list[Move]:
        found = lab.first_zeros(seeds)
        return [] if found is None else [_move(model, seeds, found)]

    title = "Share of exact zeros behind the first layer, before training and after"
    return _draw(moves, "sparsity-zeros", title, axis="exact zeros behind the first layer", beside=0.5)


def draw_times() -> Markup:
    """How many times as long as the MLP of the same log a model takes, and how long without its filters."""

    def moves(model: str, seeds: Seeds) -> list[Move]:
        times, others = lab.forward_milliseconds(seeds), _mlp_milliseconds(seeds)
        if times is None or others is None:
            return []
        now, without = times
        return [_move(model, seeds, (now / others, None if without is None else without / others))]

    title = "Forward milliseconds of each model beside those of the MLP, with its filters and without"
    return _draw(moves, "sparsity-times", title, axis="forward time beside the MLP's", beside=1.0, scale=_times)


def _draw(
    moves: Callable[[str, Seeds], Sequence[Move]],
    name: str,
    title: str,
    *,
    axis: str,
    beside: float,
    scale: Callable[[Axes], None] | None = None,
) -> Markup:
    """Every model's line under its log; shares of a whole unless another ``scale`` is given."""
    groups: dict[str, list[Move]] = {}
    for model, seeds in lab.inspected():
        found = moves(model, seeds)
        if found:
            groups.setdefault(lab.log_name(seeds), []).extend(found)
    return draw_rows(groups, _mark, name=name, title=title, axis=axis, beside=beside, scale=scale or _percents)


def _move(label: str, seeds: Seeds, found: tuple[float, float | None]) -> Move:
    return Move(label, *found, is_ssr=is_ssr({"name": seeds[0]["model"]}))


def _short(layer: str) -> str:
    """What tells two layers of one model apart: DCN V2 reads the fields by its crosses and its deep network."""
    first = layer.split(".")[0]
    return first if first in ("crosses", "deep") else ""


def _mlp_milliseconds(seeds: Seeds) -> float | None:
    """The time of the MLP that stands beside a model, on the same rows."""
    name = lab.log_name(seeds)
    for _, others in lab.inspected():
        if others[0]["model"] == "mlp" and lab.log_name(others) == name:
            times = lab.forward_milliseconds(others)
            return None if times is None else times[0]
    return None


def _mark(axes: Axes, place: int, move: Move) -> None:
    colour = _OWN if move.is_ssr else _OTHER
    if move.before is not None:
        low, high = sorted((move.before, move.now))
        axes.hlines(place, low, high, color=colour, linewidth=2, alpha=0.4)
        axes.plot(move.before, place, "o", color=colour, markerfacecolor=CARD, markersize=5, zorder=3)
    axes.plot(move.now, place, "o", color=colour, markersize=6, zorder=3)


def _percents(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _times(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
