"""How good the predicted chances are, beside how well they rank."""

import statistics
from pathlib import Path

from tables.places import RESULTS
from tables.studies import table_contests
from tamis.record import RunRecord

_TARGET = 300_000
_SHOWN = ("lr", "mlp", "dcn_v2", "final_net", "ssr_s_paper", "ssr_s_official", "ssr_d_paper", "ssr_d_official")


def probabilities_table() -> str:
    """One line a data set of the table: normalised entropy and calibration ratio of some models, means over seeds."""
    lines = [f"| data set | {' | '.join(f'`{label}`' for label in _SHOWN)} |", f"|---|{'---:|' * len(_SHOWN)}"]
    for contest in table_contests():
        if contest["target"] != _TARGET:
            continue
        place = RESULTS / contest["dataset"] / contest["split"]
        models = {line["label"]: line["model"] for line in contest["ranking"]}
        cells = [_cell([RunRecord.load(run) for run in _runs(place / models[label])]) for label in _SHOWN]
        lines.append(f"| {contest['data']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _runs(place: Path) -> list[Path]:
    return sorted(place.glob("seed-*.json"))


def _cell(records: list[RunRecord]) -> str:
    entropy = statistics.fmean(_known(record.test["normalised_entropy"]) for record in records)
    ratio = statistics.fmean(_known(record.test["calibration_ratio"]) for record in records)
    return f"{entropy:.3f} ({ratio:.2f})"


def _known(value: float | None) -> float:
    assert value is not None, "a run of the table has clicks and other rows"
    return value
