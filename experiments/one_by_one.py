"""Many short runs whose numbers go into one JSON, written anew after each, so that a kill loses one run at most."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tamis.record import command_line, machine, versions, write_whole


def run_one_by_one(
    place: Path,
    facts: Mapping[str, Any],
    runs: Iterable[Mapping[str, Any]],
    measure: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> None:
    """Measure each of ``runs`` that ``place`` does not hold, and write the file after each.

    ``facts`` are what all runs of a file share: data, settings, and what they mean. The program ends where the file
    holds runs of other facts.
    """
    facts = json.loads(json.dumps(facts))
    earlier = json.loads(place.read_text()) if place.exists() else {**facts, "runs": []}
    if {name: earlier.get(name) for name in facts} != facts:
        sys.exit(f"{place} holds runs of another log or other settings. Name another file with --out.")
    found = {
        **facts,
        "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
        "machine": machine(),
        "versions": versions(),
        "runs": earlier["runs"],
    }
    for run in runs:
        if any(run.items() <= done.items() for done in found["runs"]):
            continue
        numbers = measure(run)
        found["runs"].append({**run, **numbers})
        write_whole(place, json.dumps(found, indent=1) + "\n")
        shown = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        print(f"{' '.join(str(part) for part in run.values())}: {shown}", flush=True)
    print(place)
