"""Reliability: observed against predicted rate; on the diagonal a chance means what it says."""

from markupsafe import Markup

from tamis.reports.comparison import Comparison, Model
from tamis.reports.svg import GRID, TEXT, drawing, series_colour, series_dash, shorten, to_svg

_WIDTH, _HEIGHT = 200, 204
_LEFT, _RIGHT, _FOOT, _HEAD = 46, 8, 40, 22


def draw_reliability(comparison: Comparison, *, name: str) -> list[Markup]:
    """One square panel for each model that has bins, all with the same axes."""
    models = [model for model in comparison.models if any(run.record.reliability for run in model.runs)]
    limit = _limit(models)
    return [_draw_model(model, limit, name=f"{name}-{i}") for i, model in enumerate(models)]


def _draw_model(model: Model, limit: float, *, name: str) -> Markup:
    colour = series_colour(model.series)
    with drawing(_WIDTH, _HEIGHT) as figure:
        size = (1 - (_LEFT + _RIGHT) / _WIDTH, 1 - (_FOOT + _HEAD) / _HEIGHT)
        axes = figure.add_axes((_LEFT / _WIDTH, _FOOT / _HEIGHT, *size))
        axes.set_xlim(0, limit)
        axes.set_ylim(0, limit)
        axes.locator_params(nbins=3)
        axes.plot([0, limit], [0, limit], color=GRID, linewidth=1.6)
        for run in model.runs:
            points = [(part["predicted"], part["observed"]) for part in run.record.reliability]
            known = [(x, y) for x, y in points if x is not None and y is not None]
            axes.plot(
                [x for x, _ in known],
                [y for _, y in known],
                color=colour,
                linestyle=series_dash(model.series),
                linewidth=1.3,
                marker="o",
                markersize=3.5,
                alpha=0.85,
            )
        axes.set_title(shorten(model.label, 20), loc="left", fontsize=TEXT - 1, color=colour, pad=7)
        axes.set_xlabel("predicted rate")
        axes.set_ylabel("observed rate")
        return to_svg(figure, name=name, title=f"Reliability of {model.label}")


def _limit(models: list[Model]) -> float:
    ends = [
        value
        for model in models
        for run in model.runs
        for part in run.record.reliability
        for value in (part["predicted"], part["observed"])
        if value is not None
    ]
    highest = max(ends, default=1.0)
    return 1.05 * highest if 0 < highest < 0.8 else 1.0
