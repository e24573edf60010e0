"""What experiments found that change one thing in a model at a time (``experiments/one_by_one.py``)."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tables.places import RESULTS, mean_gap


def batch_norm_parts_table() -> str:
    """One line a part of BatchNorm on the embedded fields: what it is worth on validation rows in one pass."""
    runs = _runs(RESULTS / "studies" / "input-norm" / "parts.json")
    models = _named(runs, "model")
    lines = [
        f"| on the embedded fields | {' | '.join(f'`{model}`' for model in models)} |",
        f"|---|{'---|' * len(models)}",
    ]
    for variant in _named(runs, "variant"):
        cells = [_with_gain(runs, "valid_auc", model, variant, base="none") for model in models]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def calibration_parts_table() -> str:
    """One line a model and variant: how it ranks, and how many of the clicks it promises as served and as trained."""
    runs = _runs(RESULTS / "studies" / "start" / "calibration.json")
    lines = [
        "| model | what is changed | promised over clicks | the same as in training | normalised entropy | AUC |",
        "|---|---|---:|---:|---:|---|",
    ]
    for model in _named(runs, "model"):
        for variant in _named([run for run in runs if run["model"] == model], "variant"):
            served, trained, entropy = (
                statistics.fmean(_values(runs, name, model, variant))
                for name in ("calibration_ratio", "calibration_ratio_in_training", "normalised_entropy")
            )
            auc = _with_gain(runs, "auc", model, variant, base="as tuned")
            lines.append(f"| `{model}` | {variant} | {served:.2f} | {trained:.2f} | {entropy:.3f} | {auc} |")
    return "\n".join(lines)


def calibration_gain(model: str, variant: str) -> str:
    """How much higher the AUC of a variant, its words joined by ``-``, is than as tuned, with the interval of that."""
    runs = _runs(RESULTS / "studies" / "start" / "calibration.json")
    named = {name.replace(", ", "-").replace(" ", "-"): name for name in _named(runs, "variant")}
    pair = (_values(runs, "auc", model, name) for name in (named[variant], "as tuned"))
    return mean_gap(*pair).replace("+", "")


def _runs(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["runs"]


def _named(runs: Sequence[dict[str, Any]], part: str) -> list[str]:
    """The models or variants, in the order in which they were first run."""
    return list(dict.fromkeys(run[part] for run in runs))


def _values(runs: Sequence[dict[str, Any]], metric: str, model: str, variant: str) -> list[float]:
    """A number of all runs of one variant, seed by seed."""
    own = [run for run in runs if (run["model"], run["variant"]) == (model, variant)]
    return [run[metric] for run in sorted(own, key=lambda run: run["seed"])]


def _with_gain(runs: Sequence[dict[str, Any]], metric: str, model: str, variant: str, *, base: str) -> str:
    """The mean of a number, and how much that is above ``base``, over pairs of one seed."""
    values = _values(runs, metric, model, variant)
    gain = "" if variant == base else f": {mean_gap(values, _values(runs, metric, model, base))}"
    return f"{statistics.fmean(values):.4f}{gain}"
