"""What growth is worth: the curves of a scaling study, and which of them gains more."""

import json
from typing import Any

from tables.places import RESULTS
from tamis.record import RunRecord, summarise
from tamis.reports.wording import format_gain


def read(study: str) -> dict[str, Any]:
    """What a scaling study found."""
    return json.loads((RESULTS / "scaling" / f"{study}.json").read_text())


def growth_table(study: str) -> str:
    """One line a model, one column a size: the mean test AUC, then what the last ten times the size were worth."""
    curves = read(study)["curves"]
    targets = sorted({point["target"] for curve in curves for point in curve["points"]})
    lines = [
        f"| model | {' | '.join(f'{target:,}' for target in targets)} | by ten times the size [95 %] | says |",
        f"|---|{'---:|' * len(targets)}---|---|",
    ]
    for curve in curves:
        aucs = {point["target"]: point["auc"] for point in curve["points"]}
        cells = ["" if aucs.get(target) is None else f"{aucs[target]:.4f}" for target in targets]
        slope, verdict = curve["saturation"]["slope"], curve["saturation"]["verdict"]
        gain = "" if slope is None else format_gain(slope)
        lines.append(f"| `{curve['curve']}` | {' | '.join(cells)} | {gain} | {verdict} |")
    return "\n".join(lines)


def laws_table(study: str) -> str:
    """One line a model: the law of its AUC, ``limit - factor * size ** -exponent``, and what it says of larger ones."""
    lines = [
        "| model | limit of the AUC [95 %] | exponent [95 %] | at ten times the largest size [95 %] | says |",
        "|---|---|---|---|---|",
    ]
    for curve in read(study)["curves"]:
        law = (curve["laws"] or {}).get("auc")
        if law is None:
            lines.append(f"| `{curve['curve']}` | | | | no law of three numbers from {len(curve['points'])} sizes |")
            continue
        tenfold = next(point for point in curve["extrapolation"] if point["factor"] == 10)
        cells = [
            _ends(law["limit"], 4),
            _ends(law["exponent"], 2),
            f"{_ends(tenfold['auc'], 4)} at {tenfold['size']:,}",
        ]
        says = "" if law["is_identified"] else "limit and exponent not identified"
        lines.append(f"| `{curve['curve']}` | {' | '.join(cells)} | {says} |")
    return "\n".join(lines)


def bounds_sentence(study: str, data: str) -> str:
    """Between what the curves of a planted log stand: what no model can beat, and what single fields tell."""
    bayes = json.loads((RESULTS / "bayes" / f"{data}.json").read_text())["test"]
    (place,) = (RESULTS / "scaling" / study).glob(f"{data}/*/lr")
    (line,) = summarise([RunRecord.load(path) for path in sorted(place.glob("seed-*.json"))])
    first = (place / "seed-0.json").relative_to(RESULTS.parent)
    return (
        f"On the {bayes['rows']:,} test rows the true chances would score {bayes['auc']:.4f} "
        f"([`tamis data bayes`](../results/bayes/{data}.json)), and `lr`, which adds up what single fields tell, "
        f"{line.auc_mean:.4f} [{line.auc_low:.4f}, {line.auc_high:.4f}] "
        f"(mean of {len(line.seeds)} seeds, `tamis train {first}`)."
    )


def slopes_table(study: str) -> str:
    """One line a pair of curves: by how much more the first gains by ten times the size."""
    lines = ["| model | beside | difference of the gains [95 %] | after Holm |", "|---|---|---|---|"]
    for pair in read(study)["slopes"]:
        lines.append(f"| `{pair['one']}` | `{pair['other']}` | {format_gain(pair)} | {pair['verdict']} |")
    return "\n".join(lines)


def _ends(three: list[float], digits: int) -> str:
    """An estimate with the ends of its interval."""
    middle, low, high = (f"{value:.{digits}f}" for value in three)
    return f"{middle} [{low}, {high}]"
