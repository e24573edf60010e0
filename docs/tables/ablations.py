"""One thing changed at a time: every variant of the ablations beside what it changes, as a table and as pictures."""

import json
from typing import Any

from markupsafe import Markup

from tables.gap_picture import Gap, draw_gaps
from tables.places import RESULTS
from tables.studies import difference

VERDICTS = RESULTS / "studies" / "ablations" / "verdicts.json"
BASE = "ssr_d"
"""What all variants are held against: SSR-D as its authors run it."""
GROUPS = {
    "iterations": ["1-iteration", "2-iterations", "3-iterations", "8-iterations", "closed-form"],
    "rates and scales": [
        *("alpha-fixed-at-0", "alpha-from-0", "alpha-from-0.3"),
        *("gamma-fixed-at-1", "gamma-from-0.3", "gamma-from-3"),
    ],
    "gate, residual, norm": [
        *("no-gate", "no-residual", "no-gate-no-residual", "no-input-norm", "paper", "paper-with-gate")
    ],
    "views": ["1-view", "2-views", "16-views"],
    "in place of competing": ["top-k", "random-dropout", "adaptive"],
    "static views": [
        *("static", "static-2-views", "static-32-views", "static-128-views"),
        *("static-field", "static-field-dimension"),
    ],
    "no views": ["mlp"],
    "the same once more": ["ssr_d-again", "static-again", "mlp-again"],
}
"""The variants by what they change."""


def ablations_table() -> str:
    """One line a variant, one column a log: test AUC, how far it is from the base, what the tests say."""
    contests = _contests()
    lines = [f"| variant | {' | '.join(contest['data'] for contest in contests)} |", f"|---|{'---|' * len(contests)}"]
    aucs = [{line["model"]: line["auc"] for line in contest["ranking"]} for contest in contests]
    for label in (BASE, *(label for labels in GROUPS.values() for label in labels)):
        cells = [
            f"{auc[label]:.4f}" + ("" if label == BASE else ": " + " ".join(difference(contest["tests"], label, BASE)))
            for contest, auc in zip(contests, aucs, strict=True)
        ]
        lines.append(f"| `{label}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def ablated_logs() -> list[str]:
    """The logs on which the variants stand."""
    return [contest["data"] for contest in _contests()]


def draw_ablations(verdicts: dict[str, Any], data: str) -> Markup:
    """Every variant's distance from the base on one log."""
    (contest,) = [contest for contest in verdicts["data_sets"] if contest["data"] == data]
    groups = {
        heading: [Gap.of(contest["tests"], label, BASE, label=label) for label in labels]
        for heading, labels in GROUPS.items()
    }
    title = f"How far every variant is from {BASE} on {data}"
    return draw_gaps(groups, name=f"ablations-{data}", title=title, axis=f"test AUC less that of {BASE}, 95 %")


def _contests() -> list[dict[str, Any]]:
    """The contests of the study, whose variants are those of the groups, neither more nor fewer."""
    contests = json.loads(VERDICTS.read_text())["data_sets"]
    grouped = {BASE, *(label for labels in GROUPS.values() for label in labels)}
    for contest in contests:
        odd = grouped ^ {line["model"] for line in contest["ranking"]}
        assert not odd, f"{contest['data']}: {sorted(odd)} must stand in GROUPS and in the study"
    return contests
