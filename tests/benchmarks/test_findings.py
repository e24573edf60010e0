"""What a benchmark writes, and what another one lends to it."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def findings(monkeypatch, tmp_path):
    import findings

    monkeypatch.setattr(findings, "RESULTS", tmp_path)
    return findings


def values(place):
    return {line["name"]: line["value"] for line in json.loads(place.read_text())["figures"]}


def test_a_lent_figure_replaces_its_older_self_and_survives_the_next_writing(findings, tmp_path):
    own = findings.figure("own rows/s", [3, 1, 2], unit="rows/s", goal="-")
    findings.write_findings("encode", [own])
    for value in (4, 5):
        lent = findings.figure("ratio", [value], unit="times", goal=">= 1")
        findings.lend_figure("encode", lent, measured_by="peers")
    findings.write_findings("encode", [own])
    assert values(tmp_path / "encode.json") == {"own rows/s": 2, "ratio": 5}


def test_nothing_is_lent_to_a_question_without_findings(findings, tmp_path):
    lent = findings.figure("ratio", [1], unit="times", goal="-")
    findings.lend_figure("encode", lent, measured_by="peers")
    assert list(tmp_path.iterdir()) == []


def test_the_command_holds_no_path_of_this_machine(findings, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["somewhere/peers.py", "--work", str(tmp_path), "--rounds", "3"])
    assert findings.command_line() == "python benchmarks/peers.py --work FOLDER --rounds 3"


@pytest.mark.parametrize(
    ("value", "goal", "expected"),
    [
        (5, "< 5", "missed"),
        (4.9, "< 5", "reached"),
        (5, "<= 5", "reached"),
        (0.85, ">= 0.85", "reached"),
        (0.849, ">= 0.85", "missed"),
        (2e-7, "< 1e-5", "reached"),
        (1, "= 1", "reached"),
        (0, "= 1", "missed"),
        (0.9, "0.9 to 1.1", "reached"),
        (1.11, "0.9 to 1.1", "missed"),
        (-3.0, "> -4", "reached"),
        (5, "-", ""),
        (413, "861 where the goals were set", ""),
        (14, "the limit", ""),
    ],
)
def test_a_goal_that_is_a_rule_has_a_verdict_and_words_have_none(findings, value, goal, expected):
    assert findings.verdict(value, goal) == expected


def test_every_goal_in_the_results_is_a_rule_or_known_words(findings):
    words = {"-", "the limit", "861 where the goals were set"}
    results = Path(__file__).resolve().parents[2] / "results" / "benchmarks"
    goals = {line["goal"] for path in results.glob("*.json") for line in json.loads(path.read_text())["figures"]}
    assert "-" in goals
    assert {goal for goal in goals if not findings.verdict(0, goal)} <= words
