"""How often equal models are told apart, by three ways to judge."""

import json
import math

from tables.places import RESULTS


def false_alarms_table() -> str:
    """One line a case: the share of families with a false alarm by each way, and of pairs without the correction."""
    found = json.loads((RESULTS / "false_alarms.json").read_text())
    lines = [
        "| seeds | their error over that of the rows | scatter of seeds | told apart in a family: rows alone "
        "| Welch and Satterthwaite | `tamis` | pairs, uncorrected, by `tamis` |",
        "|---:|---:|---|---:|---:|---:|---:|",
    ]
    for case in found["cases"]:
        alarms, scatter = case["any_told_apart"], "of each model its own" if case["unequal"] else "equal"
        lines.append(
            f"| {case['seeds']} | {case['seeds_over_rows']:.1f} | {scatter} "
            f"| {alarms['rows']:.3f} | {alarms['welch']:.3f} | {alarms['tamis']:.3f} "
            f"| {case['pairs_below_the_level']['tamis']:.3f} |"
        )
    error = math.sqrt(found["level"] * (1 - found["level"]) / found["families"])
    lines += [
        "",
        f"Each line is of {found['families']} families of {found['models']} models on {found['rows']:,} rows, so that "
        f"a share of {found['level']} has a standard error of {error:.3f}.",
    ]
    return "\n".join(lines)
