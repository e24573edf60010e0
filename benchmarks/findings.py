"""What every benchmark leaves: one JSON with the machine, the versions, the command and the figures."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tamis import record

RESULTS = Path(__file__).resolve().parents[1] / "results" / "benchmarks"


def figure(name: str, runs: Sequence[float], *, unit: str, goal: str) -> dict[str, Any]:
    """One measured number: the median of its runs."""
    return {"name": name, "value": median(runs), "unit": unit, "goal": goal, "runs": list(runs)}


def verdict(value: float, goal: str) -> str:
    """Whether a figure meets its goal: ``reached`` or ``missed``, or nothing where the goal is none or only words.

    A goal is a comparison such as ``< 8`` or ``>= 0.85``, a whole number such as ``= 1``, or a range such as
    ``0.9 to 1.1``.

    Example:
        >>> verdict(7.5, "< 8"), verdict(1.2, "0.9 to 1.1"), verdict(3, "-")
        ('reached', 'missed', '')
    """
    number = r"(-?[\d.]+(?:e-?\d+)?)"
    if comparison := re.fullmatch(rf"(<=|>=|<|>|=) {number}", goal):
        sign, limit = comparison[1], float(comparison[2])
        is_reached = {
            "<": value < limit,
            "<=": value <= limit,
            ">": value > limit,
            ">=": value >= limit,
            "=": value == limit,
        }[sign]
    elif between := re.fullmatch(rf"{number} to {number}", goal):
        is_reached = float(between[1]) <= value <= float(between[2])
    else:
        return ""
    return "reached" if is_reached else "missed"


def short_count(number: int) -> str:
    """A count as a figure's name says it.

    Example:
        >>> short_count(10_000_000), short_count(100_000), short_count(300)
        ('10M', '0.1M', '300')
    """
    return f"{number / 1e6:g}M" if number >= 100_000 else str(number)


def command_line() -> str:
    """The command that was given, for the record."""
    return record.command_line("python", f"benchmarks/{Path(sys.argv[0]).name}")


def write_findings(
    question: str, figures: Sequence[dict[str, Any]], *, details: Mapping[str, Any] | None = None
) -> None:
    """Print the findings and write them to ``results/benchmarks/<question>.json``.

    Figures that another benchmark lent to the file stay in it. ``details`` is what a reader must know besides.
    """
    path = RESULTS / f"{question}.json"
    lent = [old for old in _figures_of(path) if "measured_by" in old]
    findings = {
        "question": question,
        "command": command_line(),
        "machine": record.machine(),
        "versions": record.versions(),
        "figures": [*figures, *lent],
        **({"details": details} if details else {}),
    }
    text = json.dumps(findings, indent=1) + "\n"
    record.write_whole(path, text)
    print(text, end="")


def lend_figure(to_question: str, new: dict[str, Any], *, measured_by: str) -> None:
    """Put a figure that ``measured_by`` measured also into the findings of another question, if there are any."""
    path = RESULTS / f"{to_question}.json"
    if not path.exists():
        return
    findings = json.loads(path.read_text())
    others = [old for old in findings["figures"] if old["name"] != new["name"]]
    findings["figures"] = [*others, {**new, "measured_by": measured_by}]
    record.write_whole(path, json.dumps(findings, indent=1) + "\n")


def _figures_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["figures"] if path.exists() else []
