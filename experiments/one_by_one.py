"""Many short runs whose numbers go into one JSON, written anew after each, so that a kill loses one run at most."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tamis.record import command_line, flatten_settings, machine, versions, write_whole


def run_one_by_one(
    place: Path,
    facts: Mapping[str, Any],
    runs: Iterable[Mapping[str, Any]],
    measure: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    *,
    called: str = "runs",
) -> None:
    """Measure each of ``runs`` that ``place`` does not hold, and write the file after each.

    ``facts`` are what all runs of a file share: data, settings, and what they mean. The program ends where the file
    holds runs of other facts, or does not say of which. ``made_by`` of a run is the place in the list of that name of
    the command, machine and versions that made it; runs without it are of older files, which say it once for all.
    """
    facts = json.loads(json.dumps(facts))
    found = json.loads(place.read_text()) if place.exists() else {**facts, "made_by": [], called: []}
    others = [name for name in facts if found.get(name) != facts[name]]
    if others:
        sys.exit(
            f"{place} may only be added to by {called} of the same {', '.join(facts)}; it has other or no "
            f"{', '.join(others)}. Name another place with --out."
        )
    program = command_line("python", f"experiments/{Path(sys.argv[0]).name}")
    maker = {"command": program, "machine": machine(), "versions": versions()}
    for run in runs:
        if any(run.items() <= done.items() for done in found[called]):
            continue
        numbers = measure(run)
        makers = found.setdefault("made_by", [])
        if maker not in makers:
            makers.append(maker)
        found[called].append({**run, **numbers, "made_by": makers.index(maker)})
        write_whole(place, json.dumps(found, indent=1) + "\n")
        figures = {name: value for name, value in flatten_settings(numbers).items() if isinstance(value, float)}
        shown = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"{' '.join(str(part) for part in run.values())}: {shown}", flush=True)
    print(place)
