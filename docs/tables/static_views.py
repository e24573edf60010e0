"""How much of its input a view of SSR-S reads at the compared sizes: at 100 % and more it leaves nothing out."""

import json
from collections.abc import Sequence
from pathlib import Path

from tables.places import RESULTS
from tables.studies import difference, table_contests
from tamis.record import RunRecord

_LABELS = ("ssr_s_paper", "ssr_s_official")


def static_views_table() -> str:
    """One line a preset and budget, one column a data set: the share read in the first block, then in the second."""
    contests = table_contests()
    names = list(dict.fromkeys(contest["data"] for contest in contests))
    lines = [f"| SSR-S, dense parameters | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for label in _LABELS:
        for target in sorted({contest["target"] for contest in contests}):
            cells = dict.fromkeys(names, "")
            for contest in contests:
                if contest["target"] == target:
                    line = next(line for line in contest["ranking"] if line["label"] == label)
                    place = RESULTS / contest["dataset"] / contest["split"] / line["model"]
                    cells[contest["data"]] = " / ".join(f"{share:.0%}" for share in _shares(place / "seed-0.json"))
            lines.append(f"| `{label}`, {target:,} | {' | '.join(cells.values())} |")
    return "\n".join(lines)


def scaled_views_table(study: str) -> str:
    """One column a size of SSR-S in a scaling study: the share of its input that a view of the first block reads."""
    curve = next(
        curve
        for curve in json.loads((RESULTS / "scaling" / f"{study}.json").read_text())["curves"]
        if curve["model"] == "ssr_s"
    )
    place = RESULTS / "scaling" / study / curve["dataset"] / curve["split"]
    shares = {point["target"]: _shares(place / point["label"] / "seed-0.json")[0] for point in curve["points"]}
    return "\n".join(
        [
            f"| `{curve['curve']}`, dense parameters | {' | '.join(f'{target:,}' for target in shares)} |",
            f"|---|{'---:|' * len(shares)}",
            f"| a view reads | {' | '.join(f'{share:.0%}' for share in shares.values())} |",
        ]
    )


def narrower_views_table(study: str, labels: Sequence[str]) -> str:
    """One line a number of views at one size, one column a data set: the share read, the AUC, and what the tests say.

    ``labels`` are the variants, the one that the others stand beside first.
    """
    base = labels[0]
    contests = json.loads((RESULTS / "studies" / study / "verdicts.json").read_text())["data_sets"]
    lines = [f"| views | {' | '.join(contest['data'] for contest in contests)} |", f"|---:|{'---|' * len(contests)}"]
    found = []
    for label in labels:
        cells = []
        places = [
            RESULTS / "studies" / study / contest["dataset"] / contest["split"] / label / "seed-0.json"
            for contest in contests
        ]
        views = RunRecord.load(places[0]).settings["model"]["views"][0]
        for contest, place in zip(contests, places, strict=True):
            auc = next(line["auc"] for line in contest["ranking"] if line["model"] == label)
            beside = "" if label == base else ": " + " ".join(difference(contest["tests"], label, base))
            cells.append(f"{_shares(place)[0]:.0%}, {auc:.4f}{beside}")
        found.append((views, cells))
    return "\n".join([*lines, *(f"| {views} | {' | '.join(cells)} |" for views, cells in sorted(found))])


def _shares(path: Path) -> list[float]:
    """Block by block, the width of a view over that of its input."""
    record = RunRecord.load(path)
    model = record.settings["model"]
    inputs = [len(record.unseen) * model["dim"]]
    inputs += [views * width for views, width in zip(model["views"], model["widths"], strict=True)]
    return [width / d_in for width, d_in in zip(model["widths"], inputs[:-1], strict=True)]
