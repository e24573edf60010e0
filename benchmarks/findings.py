"""What every benchmark leaves: one JSON with the machine, the versions, the command and the figures."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tamis.record import machine, versions

RESULTS = Path(__file__).resolve().parents[1] / "results" / "benchmarks"


def figure(name: str, runs: Sequence[float], *, unit: str, goal: str) -> dict[str, Any]:
    """One measured number: the median of its runs."""
    return {"name": name, "value": median(runs), "unit": unit, "goal": goal, "runs": list(runs)}


def write_findings(question: str, figures: Sequence[dict[str, Any]]) -> None:
    """Print the findings and write them to ``results/benchmarks/<question>.json``."""
    findings = {
        "question": question,
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(),
        "figures": list(figures),
    }
    text = json.dumps(findings, indent=1) + "\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{question}.json").write_text(text)
    print(text, end="")
