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
    assert found["runs"] == [{**run, **numbers(run), "made_by": 0} for run in RUNS]
    assert found["dataset"] == "log"
    assert "ssr_s 1: auc 0.5510" in capsys.readouterr().out


@pytest.mark.parametrize("changed", [{"settings": {"widths": (8,)}}, {"fingerprint": "not told in the file"}])
def test_runs_of_other_facts_are_kept_and_the_program_ends(go, tmp_path, changed):
    before = go(numbers)
    facts = {**FACTS, **changed}
    rule = f"found.json may only be added to by runs of the same {', '.join(facts)}; it has other or no "
    with pytest.raises(SystemExit, match=rf"{rule}{next(iter(changed))}\. Name another place with --out\."):
        go(numbers, facts=facts)
    assert json.loads((tmp_path / "found.json").read_text()) == before


def test_a_run_says_by_which_command_and_machine_it_was_made(go, monkeypatch):
    import one_by_one

    go(numbers, runs=RUNS[:2])
    monkeypatch.setattr(one_by_one, "machine", lambda: {"processor": "another"})
    monkeypatch.setattr(sys, "argv", ["why.py", "--seeds", "1"])
    found = go(numbers)
    first, second = found["made_by"]
    assert first["command"] == "python experiments/why.py --out FOLDER/found.json" and first["versions"]["python"]
    assert second["command"] == "python experiments/why.py --seeds 1"
    assert second["machine"] == {"processor": "another"} != first["machine"]
    assert [run["made_by"] for run in found["runs"]] == [0, 0, 1, 1]


def test_what_an_older_file_says_of_all_its_runs_stays_theirs(go, tmp_path):
    older = {**FACTS, "command": "older", "machine": {"cores": 1}, "runs": [{**RUNS[0], **numbers(RUNS[0])}]}
    (tmp_path / "found.json").write_text(json.dumps(older))
    found = go(numbers)
    assert (found["command"], found["machine"]) == ("older", {"cores": 1})
    assert found["runs"][0] == older["runs"][0] and [run["made_by"] for run in found["runs"][1:]] == [0, 0, 0]


def test_runs_go_by_the_name_they_are_given_and_their_figures_are_told(tmp_path, monkeypatch, capsys):
    from one_by_one import run_one_by_one

    monkeypatch.setattr(sys, "argv", ["why.py"])
    place = tmp_path / "found.json"
    run_one_by_one(
        place, {}, [{"rows": 3}], lambda run: {"found": "slot", "models": {"mlp": {"known": 0.75}}}, called="logs"
    )
    (log,) = json.loads(place.read_text())["logs"]
    assert log == {"rows": 3, "found": "slot", "models": {"mlp": {"known": 0.75}}, "made_by": 0}
    assert capsys.readouterr().out.splitlines()[0] == "3: models.mlp.known 0.7500"
