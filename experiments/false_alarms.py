"""How often do equal models look different? Made-up scores, judged as ``tamis compare`` does, and in two other ways.

    python experiments/false_alarms.py        writes results/false_alarms.json; a quarter of an hour on one core

In a family every model sees the same signal through noise of its own, and each of its seeds as strongly as chance has
it, so that no model is better. A false alarm is any pair that is told apart after Holm's correction:

- ``tamis``: rows and seeds, of whose scatter only an estimate is known (``tamis.analysis.weigh_auc``);
- ``welch``: the same two errors, the estimate taken at its word (Student's t with Satterthwaite's degrees of freedom
  for their sum);
- ``rows``: DeLong's test of the rows alone, as if the seeds were no source of chance.
"""

import argparse
import json
import math
import statistics
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from tamis.analysis import AucSide, Comparison, auc_side, holm, weigh_auc
from tamis.analysis.uncertain_spread import UncertainSpread
from tamis.record import command_line, machine, versions, write_whole

LEVEL = 0.05
POSITIVE, STRENGTH = 0.3, 1.5
CASES = [
    {"seeds": seeds, "scatter": scatter, "unequal": unequal}
    for seeds in (3, 5)
    for scatter, unequal in ((0.07, 0.0), (0.15, 0.0), (0.3, 0.0), (0.15, 0.7))
]
"""``scatter``: the standard deviation of the strength over seeds; ``unequal``: that of its logarithm over models."""


def main() -> None:
    """Draw, judge and write one JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=24)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--families", type=int, default=200)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "false_alarms.json"
    )
    arguments = parser.parse_args()
    cases = [
        {**case, **count(case, arguments.models, arguments.rows, arguments.families, seed=number)}
        for number, case in enumerate(CASES)
    ]
    found = {
        "note": "share of families of equal models in which any pair is told apart, and of pairs below the level alone",
        "level": LEVEL,
        "models": arguments.models,
        "rows": arguments.rows,
        "families": arguments.families,
        "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
        "machine": machine(),
        "versions": versions(),
        "cases": cases,
    }
    write_whole(arguments.out, json.dumps(found, indent=1) + "\n")
    print(arguments.out)


def count(case: dict[str, Any], models: int, rows: int, families: int, *, seed: int) -> dict[str, Any]:
    """Of one case, for each way to judge: the share of families with a false alarm, and of pairs below the level."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) < POSITIVE * rows
    alarms: dict[str, list[bool]] = {"tamis": [], "welch": [], "rows": []}
    below: dict[str, list[float]] = {way: [] for way in alarms}
    ratios = []
    for _ in track(range(families), description=f"{case['seeds']} seeds, scatter {case['scatter']}, {case['unequal']}"):
        sides = [draw_side(generator, labels, **case) for _ in range(models)]
        pairs = list(combinations(sides, 2))
        judged = [weigh_auc(pair, (1.0, -1.0)) for pair in pairs]
        chances = {
            "tamis": [one.p_value for one in judged],
            "welch": [welch_chance(pair, one) for pair, one in zip(pairs, judged, strict=True)],
            "rows": [UncertainSpread((one.rows_error or 0.0) ** 2).chance_beyond(one.difference) for one in judged],
        }
        for way, values in chances.items():
            alarms[way].append(min(holm(values)) < LEVEL)
            below[way].append(statistics.fmean(value < LEVEL for value in values))
        ratios.append(statistics.median((one.seeds_error or 0.0) / (one.rows_error or math.inf) for one in judged))
    return {
        "seeds_over_rows": statistics.median(ratios),
        "any_told_apart": {way: statistics.fmean(values) for way, values in alarms.items()},
        "pairs_below_the_level": {way: statistics.fmean(values) for way, values in below.items()},
    }


def draw_side(
    generator: np.random.Generator, labels: np.ndarray, *, seeds: int, scatter: float, unequal: float
) -> AucSide:
    """A model no better than the others: noise of its own, and a strength for each seed."""
    noise = generator.normal(size=len(labels))
    spread = scatter * math.exp(unequal * generator.normal())
    strengths = STRENGTH + spread * generator.normal(size=(seeds, 1))
    return auc_side(labels, strengths * labels + noise)


def welch_chance(pair: tuple[AucSide, AucSide], judged: Comparison) -> float:
    """The chance by Student's t of the whole error, whose degrees of freedom are estimated with it."""
    parts = [float(np.var(side.values, ddof=1)) / len(side.values) for side in pair]
    variance = (judged.rows_error or 0.0) ** 2 + sum(parts)
    uncertain = sum(part**2 / (len(side.values) - 1) for part, side in zip(parts, pair, strict=True))
    return UncertainSpread(0.0, variance, min(1000.0, variance**2 / uncertain)).chance_beyond(judged.difference)


if __name__ == "__main__":
    main()
