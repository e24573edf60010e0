"""Learning curves: training loss and validation AUC against the rows seen, one line a seed."""

from collections.abc import Callable, Sequence

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter

from tamis.record import CurvePoint
from tamis.reports.comparison import Comparison, Model, Run
from tamis.reports.svg import TEXT, WIDTH, drawing, series_colour, series_dash, shorten, to_svg
from tamis.reports.wording import format_short

_HEIGHT = 260
_LEFT, _RIGHT, _FOOT, _HEAD = 60, 88, 44, 10
_POINTS_AT_MOST = 400

Line = list[tuple[int, float]]


def draw_training_loss(comparison: Comparison, *, name: str) -> Markup | None:
    """Training loss over rows seen, or None where no run has a curve."""
    return _draw(comparison, lambda point: point.train_loss, label="training loss (nats)", name=name)


def draw_validation_auc(comparison: Comparison, *, name: str) -> Markup | None:
    """Validation AUC over rows seen, the chosen step marked; None where no run has one."""
    return _draw(comparison, _validation_auc, label="validation AUC", name=name, marks_best=True)


def spread(wanted: Sequence[float], *, gap: float) -> list[float]:
    """Move heights apart until neighbours are ``gap`` away, keeping their order and their middle.

    Example:
        >>> spread([1.0, 1.0, 5.0], gap=1.0)
        [0.5, 1.5, 5.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    clusters: list[list[int]] = []
    middles: list[float] = []
    for i in order:
        clusters.append([i])
        middles.append(wanted[i])
        while len(clusters) > 1 and middles[-1] - middles[-2] < gap * (len(clusters[-1]) + len(clusters[-2])) / 2:
            clusters[-2:] = [clusters[-2] + clusters[-1]]
            middles[-2:] = [sum(wanted[j] for j in clusters[-1]) / len(clusters[-1])]
    heights = [0.0] * len(wanted)
    for cluster, middle in zip(clusters, middles, strict=True):
        for place, i in enumerate(cluster):
            heights[i] = middle + gap * (place - (len(cluster) - 1) / 2)
    return heights


def _draw(
    comparison: Comparison,
    value_of: Callable[[CurvePoint], float | None],
    *,
    label: str,
    name: str,
    marks_best: bool = False,
) -> Markup | None:
    lines = [(model, run, _line(run, value_of)) for model in comparison.models for run in model.runs]
    lines = [(model, run, line) for model, run, line in lines if line]
    if not lines:
        return None
    with drawing(WIDTH, _HEIGHT) as figure:
        box = (_LEFT / WIDTH, _FOOT / _HEIGHT, 1 - (_LEFT + _RIGHT) / WIDTH, 1 - (_FOOT + _HEAD) / _HEIGHT)
        axes = figure.add_axes(box)
        ends: dict[str, tuple[Model, Line]] = {}
        for model, run, line in lines:
            rows, values = zip(*line, strict=True)
            style = {"color": series_colour(model.series), "linestyle": series_dash(model.series)}
            axes.plot(rows, values, linewidth=1.6, alpha=0.85, marker="o" if len(line) == 1 else "", **style)
            ends.setdefault(model.label, (model, line))
            chosen = _chosen(run, value_of) if marks_best else None
            if chosen:
                axes.plot(*chosen, "o", color=series_colour(model.series), markersize=6)
        axes.set_xlim(left=0)
        axes.margins(x=0.02)
        axes.locator_params(nbins=5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rows, _: format_short(rows)))
        axes.set_xlabel("training rows seen" + (", dot: the step kept" if marks_best else ""))
        axes.set_ylabel(label)
        _label_ends(axes, list(ends.values()))
        return to_svg(figure, name=name, title=f"{label} against training rows seen on {comparison.dataset}")


def _label_ends(axes, ends: list[tuple[Model, Line]]) -> None:  # noqa: ANN001
    """Write each model's name right of its first line's end, moved apart where names would meet."""
    low, high = axes.get_ylim()
    gap = 17 / (_HEIGHT - _FOOT - _HEAD) * (high - low)
    heights = spread([line[-1][1] for _, line in ends], gap=gap)
    for (model, _), height in zip(ends, heights, strict=True):
        axes.text(
            1.03,
            height,
            shorten(model.label, 12),
            transform=axes.get_yaxis_transform(),
            color=series_colour(model.series),
            va="center",
            fontsize=TEXT - 1,
        )


def _line(run: Run, value_of: Callable[[CurvePoint], float | None]) -> Line:
    found = [(point.rows, value_of(point)) for point in run.curve]
    line = [(rows, value) for rows, value in found if value is not None]
    step = -(-len(line) // _POINTS_AT_MOST) or 1
    return line if step == 1 else [*line[:-1:step], line[-1]]


def _chosen(run: Run, value_of: Callable[[CurvePoint], float | None]) -> tuple[int, float] | None:
    best = run.record.best.get("step")
    for point in run.curve:
        value = value_of(point)
        if point.step == best and value is not None:
            return point.rows, value
    return None


def _validation_auc(point: CurvePoint) -> float | None:
    return (point.valid or {}).get("auc")
