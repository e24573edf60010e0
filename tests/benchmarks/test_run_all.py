"""One script after the other, going on after one that fails, and a table in the end."""

import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
GOOD = """
import json, pathlib, sys
figures = [{"name": "speed", "value": 12500, "unit": "rows/s", "goal": ">= 10000", "runs": [12500]},
           {"name": "seconds", "value": 0.7, "unit": "s", "goal": "< 0.5", "runs": [0.7]},
           {"name": " ".join(sys.argv[1:]), "value": 1, "unit": "", "goal": "-", "runs": [1]}]
(pathlib.Path(__file__).parent / "good.json").write_text(json.dumps({"figures": figures}))
"""


@pytest.fixture
def run_all(monkeypatch, tmp_path):
    import run_all

    monkeypatch.setattr("findings.RESULTS", tmp_path)
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text("print('began')\nraise ValueError('no such disk')")
    (tmp_path / "bad.json").write_text(json.dumps({"figures": [{"name": "of an earlier run"}]}))
    return run_all


def test_a_script_that_fails_is_named_and_the_next_one_runs(run_all, tmp_path, capsys):
    scripts = [
        run_all.Script(name="bad", minutes=1),
        run_all.Script(name="good", arguments=("--runs", "2"), minutes=1),
    ]
    failures = run_all.run_each(scripts, scripts=tmp_path, logs=tmp_path / "logs")
    said = capsys.readouterr().out
    assert list(failures) == ["bad"]
    assert failures["bad"].startswith("exit code 1: ValueError: no such disk (all of it: ")
    assert (tmp_path / "logs" / "bad.txt").read_text().startswith("began")
    rows = [line.split() for line in said.splitlines()]
    assert ["good", "speed", "12,500", "rows/s", ">=", "10000", "reached"] in rows
    assert ["good", "seconds", "0.7", "s", "<", "0.5", "missed"] in rows
    assert ["good", "--runs", "2", "1", "-"] in rows
    assert "of an earlier run" not in said


@pytest.mark.parametrize(("failures", "code"), [({}, 0), ({"bad": "exit code 1"}, 1)])
def test_the_exit_code_speaks_of_scripts_and_not_of_goals(run_all, monkeypatch, failures, code):
    chosen = []
    monkeypatch.setattr(run_all, "run_each", lambda scripts: chosen.extend(scripts) or failures)
    monkeypatch.setattr(run_all, "end_when_told", lambda: None)
    monkeypatch.setattr("sys.argv", ["run_all.py", "load", "start"])
    with pytest.raises(SystemExit) as ended:
        run_all.main()
    assert ended.value.code == code
    assert [script.name for script in chosen] == ["start", "load"]


def test_an_unknown_name_is_refused(run_all, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run_all.py", "speed"])
    with pytest.raises(SystemExit):
        run_all.main()
    assert "no benchmark is called 'speed'; there are start, load" in capsys.readouterr().err


def test_every_question_is_among_them_and_they_fit_into_half_an_hour(run_all):
    asking = {path.stem for path in BENCHMARKS.glob("*.py") if "import figure" in path.read_text()}
    assert {script.name for script in run_all.SCRIPTS} == asking
    assert sum(script.minutes for script in run_all.SCRIPTS) < 30
