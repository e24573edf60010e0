"""How fast it is, and what the fast ways cost."""

import ast
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from tables.places import RESULTS, ROOT, interval

sys.path.insert(0, str(ROOT / "benchmarks"))  # scripts, which import each other by file name

from findings import verdict
from run_all import SCRIPTS

MAIN_SPEEDS = (
    ("train_step", "ssr_d official rows/s batch 4096"),
    ("train_step", "ssr_d share of matrix-product time"),
    ("train_step", "ssr_s rows/s batch 4096"),
    ("train_step", "dcn_v2 rows/s batch 4096"),
    ("peers", "dcn_v2 rows/s over fastest peer"),
    ("peers", "dcn_v2 test AUC minus best peer"),
    ("encode", "criteo-shaped rows/s"),
    ("encode", "rows/s over FuxiCTR"),
    ("memory", "peak MB of 10M rows minus 1M rows"),
    ("growth", "ssr_d rows/s at 10M rows over 1M rows"),
    ("score", "ssr_s 500 candidates p50 ms"),
    ("score", "ssr_s 500 candidates p99 ms"),
    ("score", "ssr_d 500 candidates p99 ms"),
    ("resume", "final weights bit-identical"),
    ("start", "help seconds"),
)
"""What a reader of the README wants to know first, by benchmark and name of the figure."""


def questions_table() -> str:
    """One line a benchmark: what it asks, how long it takes, and whether there are figures of it."""
    lines = ["| question | what it asks | minutes | figures |", "|---|---|---:|---|"]
    minutes = {script.name: f"{script.minutes:g}" for script in SCRIPTS}
    for name, duration in minutes.items():
        path = ROOT / "benchmarks" / f"{name}.py"
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        has_figures = (RESULTS / "benchmarks" / f"{name}.json").exists()
        lines.append(
            f"| [{name}](../benchmarks/{path.name}) | {docstring.splitlines()[0]} | {duration} "
            f"| {'below' if has_figures else 'not yet'} |"
        )
    return "\n".join(lines)


def benchmarks_table() -> str:
    """Every figure of ``results/benchmarks``."""
    lines = ["| question | figure | median | unit | goal |", "|---|---|---:|---|---|"]
    for path in sorted((RESULTS / "benchmarks").glob("*.json")):
        for figure in json.loads(path.read_text())["figures"]:
            lines.append(f"| [{path.stem}](../results/benchmarks/{path.name}) | {_measured(figure)} |")
    return "\n".join(lines)


def main_speeds_table() -> str:
    """The figures that the README shows."""
    lines = ["| question | figure | median | unit | goal |", "|---|---|---:|---|---|"]
    for question, name in MAIN_SPEEDS:
        figures = json.loads((RESULTS / "benchmarks" / f"{question}.json").read_text())["figures"]
        found = next(figure for figure in figures if figure["name"] == name)
        lines.append(f"| [{question}](results/benchmarks/{question}.json) | {_measured(found)} |")
    return "\n".join(lines)


def _measured(figure: dict[str, Any]) -> str:
    goal, judged = figure["goal"], verdict(figure["value"], figure["goal"])
    return f"{figure['name']} | {figure['value']:,} | {figure['unit']} | {f'{goal}: {judged}' if judged else goal}"


def speed_quality_table() -> str:
    """What the fast defaults are worth against the slow ways, on each data set of ``results/speed-quality``."""
    lines = [
        "| data set | model | AUC fast | AUC slow | fast less slow, over seeds | over rows | on validation, over seeds "
        "| rows/s fast | rows/s slow |",
        "|---|---|---:|---:|---|---|---|---:|---:|",
    ]
    for path in _speed_quality():
        found = json.loads(path.read_text())
        for model, line in found["models"].items():
            part = _last_part(line["differences"])
            auc = [statistics.fmean(run[part]["auc"] for run in line["runs"][arm]) for arm in ("fast", "slow")]
            speeds = [line["rows_per_second"][arm]["median"] for arm in ("fast", "slow")]
            lines.append(
                f"| [{path.stem}](../results/speed-quality/{path.name}) | `{model}` | {auc[0]:.4f} | {auc[1]:.4f} "
                f"| {_cells(line['differences'])} | {speeds[0]:,} | {speeds[1]:,} |"
            )
        lines.append(f"| {path.stem} | mean of the models | | | {_cells(found['mean_of_models'])} | | |")
    return "\n".join(lines)


def one_factor_table() -> str:
    """The slow way made fast in one thing at a time."""
    lines = [
        "| data set | model | fast in | less slow, over seeds | over rows | on validation, over seeds |",
        "|---|---|---|---|---|---|",
    ]
    for path in _speed_quality():
        for model, factors in json.loads(path.read_text())["one_factor"].items():
            for name, line in factors.items():
                lines.append(f"| {path.stem} | `{model}` | {name} | {_cells(line['differences'])} |")
    return "\n".join(lines)


def _speed_quality() -> list[Path]:
    return sorted((RESULTS / "speed-quality").glob("*.json"))


def _last_part(differences: dict[str, Any]) -> str:
    """The test rows, or the folds where no test rows were read."""
    return "test" if "test" in differences else "valid"


def _cells(differences: dict[str, Any]) -> str:
    """The difference on the last part, over seeds with its verdict and over rows, and the one on validation."""
    part = _last_part(differences)
    own = differences[part]
    validation = "the same" if part == "valid" else interval(differences["valid"]["auc"])
    over_rows = interval(own["auc_over_rows"]) if "auc_over_rows" in own else ""
    return f"{interval(own['auc'])} {own['verdict']} | {over_rows} | {validation}"
