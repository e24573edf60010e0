"""The page: records in, one HTML file out, that needs nothing but itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tamis.record import write_whole
from tamis.reports import tables
from tamis.reports.auc_plot import draw_auc
from tamis.reports.comparison import Comparison, read_comparisons
from tamis.reports.context_plot import MOST_FIELDS, MOST_VALUES, draw_context
from tamis.reports.curve_plot import draw_training_loss, draw_validation_auc
from tamis.reports.reliability_plot import draw_reliability
from tamis.reports.svg import SERIES
from tamis.reports.template import render
from tamis.reports.wording import METRICS, describe_auc, verdict
from tamis.reports.worth_plot import FIELDS_A_PICTURE, draw_worth

_WORTH_AT_FIRST = 2
_COLUMNS = {
    "gauc_impression": "GAUC impr.",
    "gauc_user": "GAUC user",
    "gauc_positive": "GAUC pos.",
    "log_loss": "Log loss",
    "normalised_entropy": "NE",
    "calibration_ratio": "PCOC",
    "expected_calibration_error": "ECE",
}


def write_report(runs: Sequence[Path], output: Path, *, title: str | None = None) -> Path:
    """Draw one self-contained HTML page from the folders (or record files) of runs.

    Runs of one data set and split are compared with each other; several data sets come one after the other.
    The same records give the same bytes.

    Raises:
        DataError: there are no runs, one cannot be read, or two are the same model, settings and seed.

    Example:
        >>> import tempfile
        >>> from tamis.record import RunRecord
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Path(folder) / "run"
        ...     record = RunRecord(dataset="adult", split="random", model="mlp", seed=0, test={"auc": 0.9})
        ...     _ = record.save(run / "record.json")
        ...     page = write_report([run], Path(folder) / "report.html", title="First try")
        ...     "reaches a test AUC of 0.9000" in page.read_text()
        True
    """
    comparisons = read_comparisons(runs)
    datasets = ", ".join(dict.fromkeys(comparison.dataset for comparison in comparisons))
    return write_whole(output, render_page(comparisons, title=title or datasets))


def render_page(comparisons: Sequence[Comparison], *, title: str) -> str:
    """The page as text."""
    return render(
        "page.html",
        title=title,
        sections=[_section(comparison, f"c{i}") for i, comparison in enumerate(comparisons)],
        columns=_COLUMNS,
        series=SERIES,
        most_fields=MOST_FIELDS,
        most_values=MOST_VALUES,
        glossary=METRICS,
    )


def _section(comparison: Comparison, name: str) -> dict[str, Any]:
    """Everything the template prints of one comparison."""
    return {
        "name": name,
        "comparison": comparison,
        "verdict": verdict(comparison),
        "auc": draw_auc(comparison, name=f"{name}-auc"),
        "pictures": _pictures(comparison, name),
        "reliability": draw_reliability(comparison, name=f"{name}-reliability"),
        "lines": [
            {
                "model": model,
                "series": model.series % SERIES,
                "auc": describe_auc(model).partition(" "),
                "metrics": metrics,
                "epochs": epochs,
            }
            for model, metrics, epochs in tables.metric_lines(comparison, list(_COLUMNS))
        ],
        "tasks": tables.task_lines(comparison, ["auc", *_COLUMNS]),
        "slices": tables.slice_tables(comparison),
        "worth": _worth(comparison, name),
        "settings": tables.settings_table(comparison),
        "cautions": tables.cautions(comparison),
        "alarms": tables.alarms(comparison),
        "commands": tables.commands(comparison),
        "data": tables.data_lines(comparison),
        "sources": tables.source_lines(comparison),
        "unseen": tables.unseen_lines(comparison),
        "environment": tables.environment_lines(comparison),
        "records": tables.record_texts(comparison),
    }


def _pictures(comparison: Comparison, name: str) -> list[tuple[str, str, Markup]]:
    """Heading, caption and drawing of each picture that has something to show."""
    drawn = [
        (
            "Training loss",
            "In nats a row, one line a seed.",
            draw_training_loss(comparison, name=f"{name}-loss"),
        ),
        (
            "Validation AUC",
            "One line a seed; the dot is the step kept and tested.",
            draw_validation_auc(comparison, name=f"{name}-valid"),
        ),
    ]
    return [(heading, caption, picture) for heading, caption, picture in drawn if picture is not None]


def _worth(comparison: Comparison, name: str) -> list[dict[str, Any]]:
    """What the template prints of each model that chose its fields."""
    found = []
    for model in comparison.models:
        lines = tables.field_lines(model)
        if lines:
            pictures = draw_worth(model, lines, name=f"{name}-worth-{model.series}")
            context = tables.context_table(model)
            found.append(
                {
                    "model": model,
                    "lines": lines,
                    "kept": tables.kept_text(model),
                    "threshold": model.first.settings.get("worth", {}).get("threshold"),
                    "shown": pictures[:_WORTH_AT_FIRST],
                    "folded": pictures[_WORTH_AT_FIRST:],
                    "num_folded": len(lines) - _WORTH_AT_FIRST * FIELDS_A_PICTURE,
                    "context": context,
                    "context_picture": None
                    if context is None or not context.fields
                    else draw_context(model, context, name=f"{name}-context-{model.series}"),
                }
            )
    return found
