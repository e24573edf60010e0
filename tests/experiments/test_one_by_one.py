"""Runs one by one into one file: a kill loses one at most, and nothing is done twice."""

import json
import sys

import pytest

FACTS = {"dataset": "log", "note": "what it is", "settings": {"widths": (8, 8)}}
RUNS = [{"model": name, "seed": seed} for seed in (0, 1) for name in ("mlp", "ssr_s")]


@pytest.fixture
def go(tmp_path, monkeypatch):
    from one_by_one import run_one_by_one

    monkeypatch.setattr(sys, "argv", ["why.py", "--out", str(tmp_path / "found.json")])

    def start(measure, *, facts=FACTS, runs=RUNS):
        run_one_by_one(tmp_path / "found.json", facts, runs, measure)
        return json.loads((tmp_path / "found.json").read_text())

    return start


def numbers(run):
    return {"auc": 0.5 + len(run["model"]) / 100 + run["seed"] / 1000}


def test_a_run_that_was_killed_goes_on_where_it_was(go, tmp_path, capsys):
    done = []

    def dies(run):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(run)
        return numbers(run)

    with pytest.raises(KeyboardInterrupt):
        go(dies)
    assert len(json.loads((tmp_path / "found.json").read_text())["runs"]) == 3
    again = []
    found = go(lambda run: again.append(run) or numbers(run))
    assert done == RUNS[:3] and again == RUNS[3:]
    assert found["runs"] == [{**run, **numbers(run)} for run in RUNS]
    assert found["dataset"] == "log" and found["command"] == "python experiments/why.py --out FOLDER/found.json"
    assert "ssr_s 1: auc 0.5510" in capsys.readouterr().out


def test_runs_of_other_facts_are_kept_and_the_program_ends(go, tmp_path):
    before = go(numbers)
    with pytest.raises(SystemExit, match="holds runs of another log or other settings. Name another file with --out."):
        go(numbers, facts={**FACTS, "settings": {"widths": (8,)}})
    assert json.loads((tmp_path / "found.json").read_text()) == before
