"""Test AUC of every model: a dot for the mean, a bar for the interval, a small ring for each seed."""

from markupsafe import Markup

from tamis.reports.comparison import Comparison, Model
from tamis.reports.svg import INK, MUTED, TEXT, WIDTH, drawing, series_colour, shorten, to_svg
from tamis.reports.wording import describe_auc

_ROW = 44
_FOOT = 46
_SIDE = 12


def draw_auc(comparison: Comparison, *, name: str) -> Markup | None:
    """The dot plot, or None where no model has a test AUC."""
    models = [model for model in comparison.models if model.summary.auc_mean is not None]
    if not models:
        return None
    height = _ROW * len(models) + _FOOT + 8
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes((_SIDE / WIDTH, _FOOT / height, 1 - 2 * _SIDE / WIDTH, _ROW * len(models) / height))
        low, high = _range(models)
        axes.set_xlim(low, high)
        axes.set_ylim(len(models) - 0.35, -0.65)
        axes.set_yticks([])
        axes.grid(axis="y", visible=False)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("test AUC (dot: mean, bar: interval, ring: seed)")
        for place, model in enumerate(models):
            line, colour = model.summary, series_colour(model.series)
            assert line.auc_mean is not None
            if line.auc_low is not None and line.auc_high is not None:
                axes.plot([line.auc_low, line.auc_high], [place, place], color=colour, linewidth=5, alpha=0.35)
            seeds = model.values("auc")
            axes.plot(seeds, [place] * len(seeds), "o", color=colour, markersize=6, fillstyle="none", alpha=0.9)
            axes.plot([line.auc_mean], [place], "o", color=colour, markersize=8)
            height_of_text = place - 0.28
            left = axes.get_yaxis_transform()
            axes.text(0, height_of_text, shorten(model.label, 24), transform=left, color=INK, va="baseline")
            text = describe_auc(model)
            axes.text(
                1,
                height_of_text,
                text,
                transform=left,
                color=MUTED,
                ha="right",
                va="baseline",
                fontsize=TEXT - 1,
            )
        return to_svg(figure, name=name, title=f"Test AUC of {len(models)} models on {comparison.dataset}")


def _range(models: list[Model]) -> tuple[float, float]:
    values = [value for model in models for value in model.values("auc")]
    for model in models:
        values += [end for end in (model.summary.auc_low, model.summary.auc_high) if end is not None]
    low, high = min(values), max(values)
    margin = max(0.05 * (high - low), 0.0005)
    return low - margin, high + margin
