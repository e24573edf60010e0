"""Which figures a comparison gives, and what becomes of a peer that fails; no library is run."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def peers():
    import peers

    return peers


def library(peers, name, speeds=(), aucs=(), driver="none.py"):
    return peers.Library(
        name=name,
        python=Path(sys.executable),
        driver=Path(driver),
        speeds=list(speeds),
        aucs=list(aucs),
        peaks=[1.0] * len(speeds),
        preparations=[1.0] * len(speeds),
    )


def test_speed_is_compared_with_the_fastest_peer_and_auc_with_the_best(peers):
    figures = peers.comparison(
        [
            library(peers, "tamis", [40, 60, 50], [0.8, 0.81, 0.82]),
            library(peers, "quick", [10, 10, 10], [0.7, 0.7, 0.7]),
            library(peers, "good", [5, 5, 5], [0.79, 0.79, 0.83]),
        ]
    )
    values = {line["name"]: (line["value"], line["goal"]) for line in figures}
    assert values["dcn_v2 rows/s over fastest peer"] == (5.0, ">= 4")
    assert values["dcn_v2 test AUC minus best peer"] == (0.01, ">= 0")
    assert values["quick dcn_v2 rows/s"] == (10, "-")
    assert {"good peak MB", "good test AUC"} <= set(values)


def test_a_peer_that_fails_is_named_with_the_reason_and_the_others_go_on(peers, tmp_path):
    driver = tmp_path / "broken.py"
    driver.write_text("raise SystemExit('no such model')")
    own, broken = library(peers, "tamis"), library(peers, "broken", driver=str(driver))
    rounds, missing = [], {}

    def work(one, number):
        if one is broken:
            one.run({"task": "train"}, tmp_path / "job")
        rounds.append((one.name, number))

    assert peers.in_turn([own, broken], 2, work, missing) == [own]
    assert rounds == [("tamis", 0), ("tamis", 1)]
    assert missing == {"broken": "train: no such model"}
