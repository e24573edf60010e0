"""Run every benchmark, one after the other, and end with a table of figures, goals and verdicts.

    python benchmarks/run_all.py            all of them, in under half an hour on two quiet cores (``make bench``)
    python benchmarks/run_all.py load start only these

A script that fails is named, with the last line it printed, and the next one runs; the exit code is 1 then. A missed
goal is no failure. What the scripts print goes to ``runs/benchmarks/<name>.txt``.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import findings
from processes import PATIENCE, end_when_told, last_line, run

HERE = Path(__file__).resolve().parent
LOGS = HERE.parent / "runs" / "benchmarks"


@dataclass(frozen=True, kw_only=True)
class Script:
    """A benchmark with the arguments it gets here, and about how many minutes it takes on two quiet cores."""

    name: str
    arguments: tuple[str, ...] = ()
    minutes: float


# growth before memory, which lends it a figure.
SCRIPTS = (
    Script(name="start", minutes=0.1),
    Script(name="load", minutes=0.3),
    Script(name="encode", minutes=0.5),
    Script(name="train_step", arguments=("--runs", "3"), minutes=3),
    Script(name="kernels", minutes=0.3),
    Script(name="time_shares", arguments=("--runs", "1"), minutes=0.8),
    Script(name="train_epoch", arguments=("--runs", "2"), minutes=3),
    Script(name="growth", minutes=5),
    Script(name="memory", minutes=4.2),
    Script(name="resume", minutes=2.4),
    Script(name="score", arguments=("--runs", "2"), minutes=2.8),
    # The first time it installs the peers, which takes some minutes more.
    Script(name="peers", arguments=("--runs", "2"), minutes=7.5),
)


def run_script(script: Script, *, scripts: Path, logs: Path) -> str | None:
    """Run one benchmark to its end; return why it failed, or None."""
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{script.name}.txt"
    with open(log, "w") as output:
        # The script ends its own children first, and needs longer than they do.
        command = [sys.executable, scripts / f"{script.name}.py", *script.arguments]
        code = run(command, output=output, patience=2 * PATIENCE)
    return f"exit code {code}: {last_line(log)} (all of it: {log})" if code else None


def table(found: list[tuple[str, dict[str, Any]]]) -> str:
    """One line a figure: question, name, value, goal, and whether it was reached."""
    lines = [("question", "figure", "value", "unit", "goal", "")]
    for question, line in found:
        shown = f"{line['value']:,}"
        lines.append(
            (question, line["name"], shown, line["unit"], line["goal"], findings.verdict(line["value"], line["goal"]))
        )
    widths = [max(len(line[place]) for line in lines) for place in range(6)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place == 2 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def run_each(chosen: list[Script], *, scripts: Path = HERE, logs: Path = LOGS) -> dict[str, str]:
    """Run the benchmarks in turn; print each one's minutes, then the table; return the reasons of those that failed."""
    failures: dict[str, str] = {}
    found: list[tuple[str, dict[str, Any]]] = []
    for number, script in enumerate(chosen, start=1):
        print(f"{number} of {len(chosen)}: {script.name}, about {script.minutes:g} min", flush=True)
        start = time.perf_counter()
        failure = run_script(script, scripts=scripts, logs=logs)
        print(f"  {(time.perf_counter() - start) / 60:.1f} min{', failed' if failure else ''}", flush=True)
        if failure:
            failures[script.name] = failure
    for script in chosen:
        if script.name not in failures:
            written = json.loads((findings.RESULTS / f"{script.name}.json").read_text())
            found += [(script.name, line) for line in written["figures"]]
    print(f"\n{table(found)}")
    for name, reason in failures.items():
        print(f"{name} failed: {reason}")
    return failures


def main() -> None:
    """Run what was asked for; exit with 1 if a script failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [script.name for script in SCRIPTS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in names]:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(names)}")
    end_when_told()
    chosen = [script for script in SCRIPTS if not arguments.names or script.name in arguments.names]
    sys.exit(1 if run_each(chosen) else 0)


if __name__ == "__main__":
    main()
