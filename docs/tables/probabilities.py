"""How good the predicted chances are, beside how well they rank."""

import json
import statistics
from pathlib import Path
from typing import Any

from tables.places import RESULTS
from tables.studies import difference, table_contests
from tamis.record import RunRecord, is_ssr

_TARGET = 300_000
_CHANGES = {
    "base_rate": "begins at the click rate",
    "after_norm": "drops behind the norm",
    "both": "both",
}
_SHOWN = ("lr", "mlp", "dcn_v2", "final_net", "ssr_s_paper", "ssr_s_official", "ssr_d_paper", "ssr_d_official")


def probabilities_table() -> str:
    """One line a data set of the table: normalised entropy and calibration ratio of some models, means over seeds."""
    lines = [f"| data set | {' | '.join(f'`{label}`' for label in _SHOWN)} |", f"|---|{'---:|' * len(_SHOWN)}"]
    for contest in table_contests():
        if contest["target"] != _TARGET:
            continue
        cells = [
            f"{_mean(records, 'normalised_entropy'):.3f} ({_mean(records, 'calibration_ratio'):.2f})"
            for records in (_records(RESULTS, contest, label) for label in _SHOWN)
        ]
        lines.append(f"| {contest['data']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def start_table() -> str:
    """One line a data set and variant: what it changes in AUC, and the chances before and after."""
    place = RESULTS / "studies" / "start"
    lines = [
        "| data set | model | what is changed | test AUC, before and after | difference [95 %] | after Holm "
        "| normalised entropy | promised over clicks |",
        "|---|---|---|---:|---|---|---:|---:|",
    ]
    for contest in json.loads((place / "verdicts.json").read_text())["data_sets"]:
        aucs = {line["label"]: line["auc"] for line in contest["ranking"]}
        for label in sorted(label for label in aucs if "-" in label):
            base, change = label.split("-")
            pair = [_records(place, contest, name) for name in (base, label)]
            entropy, promised = (
                " → ".join(f"{_mean(records, name):.{digits}f}" for records in pair)
                for name, digits in (("normalised_entropy", 3), ("calibration_ratio", 2))
            )
            gap = " | ".join(difference(contest["tests"], label, base))
            lines.append(
                f"| {contest['data']} | `{base}` | {_CHANGES[change]} | {aucs[base]:.4f} → {aucs[label]:.4f} | {gap} "
                f"| {entropy} | {promised} |"
            )
    return "\n".join(lines)


def promised(*sets: str) -> str:
    """From where to where the SSR that changed something promise clicks over those that came, on some data sets."""
    place = RESULTS / "studies" / "start"
    found = [
        _mean(_records(place, contest, line["label"]), "calibration_ratio")
        for contest in json.loads((place / "verdicts.json").read_text())["data_sets"]
        for line in contest["ranking"]
        if contest["data"] in sets and is_ssr(line) and "-" in line["label"]
    ]
    return f"{min(found):.2f} to {max(found):.2f}"


def _records(place: Path, contest: dict[str, Any], label: str) -> list[RunRecord]:
    """The records of a contest's model, seed by seed."""
    [model] = [line["model"] for line in contest["ranking"] if line["label"] == label]
    folder = place / contest["dataset"] / contest["split"] / model
    return [RunRecord.load(run) for run in sorted(folder.glob("seed-*.json"))]


def _mean(records: list[RunRecord], metric: str) -> float:
    values = [value for record in records if (value := record.test[metric]) is not None]
    assert len(values) == len(records), "a run of a study has clicks and other rows"
    return statistics.fmean(values)
