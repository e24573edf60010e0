"""Published verdicts follow from what they hold: AUCs of seeds and errors of rows, by the rule that is in force."""

import json
from pathlib import Path

import numpy as np
import pytest

from tamis.analysis import holm
from tamis.analysis.uncertain_spread import UncertainSpread
from tamis.record import pair_test
from tamis.study.verdicts import FORMAT, LEVEL

RESULTS = Path(__file__).resolve().parents[2] / "results"
PUBLISHED = [RESULTS / "verdicts.json", *sorted((RESULTS / "studies").glob("*/verdicts.json"))]


def spread_of(test, aucs):
    """The error of a difference by hand: the rows' variance as known, the seeds' with Satterthwaite's freedom."""
    parts = [
        (np.var(aucs[test[side]], ddof=1) / len(aucs[test[side]]), len(aucs[test[side]]) - 1)
        for side in ("one", "other")
    ]
    total = sum(part for part, _ in parts)
    freedom = total**2 / sum(part**2 / own for part, own in parts) if total else 1.0
    return UncertainSpread(test["rows_error"] ** 2, total, freedom)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.relative_to(RESULTS).as_posix())
def test_published_verdicts_are_those_of_the_rule(path):
    verdicts = json.loads(path.read_text())
    assert verdicts["format"] == FORMAT
    for contest in verdicts["data_sets"]:
        ran = [line for line in contest["ranking"] if line["auc"] is not None]
        aucs = {line["model"]: [seed["auc"] for seed in line["seeds"]] for line in ran}
        tests = contest["tests"]
        assert len(tests) == len(ran) * (len(ran) - 1) // 2
        for test in tests:
            assert test["difference"] == pytest.approx(
                np.mean(aucs[test["one"]]) - np.mean(aucs[test["other"]]), abs=1e-8
            )
            spread = spread_of(test, aucs)
            assert test["p"] == pytest.approx(spread.chance_beyond(test["difference"]), rel=1e-4, abs=1e-9)
            half = (test["high"] - test["low"]) / 2
            assert half == pytest.approx(spread.reach(), rel=1e-6)
            assert (test["high"] + test["low"]) / 2 == pytest.approx(test["difference"], abs=1e-12)
            if test["seeds_error"] is None:
                assert test["told_from"] is None
            else:  # Holm's first step multiplies by the number of tests
                assert len(tests) * spread.chance_beyond(test["told_from"]) == pytest.approx(LEVEL, rel=1e-4)
        assert [test["p_holm"] for test in tests] == pytest.approx(holm([test["p"] for test in tests]))
        words = [
            "not told apart" if t["p_holm"] >= LEVEL else "better" if t["difference"] > 0 else "worse" for t in tests
        ]
        assert [test["verdict"] for test in tests] == words
        best = next(line["model"] for line in ran if not line["outside"])
        for line in ran:
            said = "best" if line["model"] == best else pair_test(tests, line["model"], best)["verdict"]
            assert line["against_best"] == said
