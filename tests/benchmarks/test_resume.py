"""A small run is killed and resumed by the command line, and a bit that differs is found."""

import json

import pytest

TINY = "resume.py --runs 1 --rows 8192 --batch-size 64 --ids 500 50 --views 2 --width 8"


@pytest.fixture
def resume(monkeypatch, tmp_path):
    import resume

    monkeypatch.setattr("findings.RESULTS", tmp_path)
    monkeypatch.setattr(resume, "end_when_told", lambda: None)
    return resume


def plan(resume, **changes):
    return resume.Plan(**{"rows": 98_304, "batch_size": 4096, "cardinalities": (5,), "views": 2, "width": 8, **changes})


@pytest.mark.parametrize("rows", [4096 * 6, 98_304, 4096 * 100])
def test_the_run_is_killed_between_two_checkpoints_of_its_last_epoch(resume, rows):
    made = plan(resume, rows=rows)
    before = made.deadly_step // made.checkpoint_every * made.checkpoint_every
    assert made.steps_per_epoch < before < made.deadly_step < before + made.checkpoint_every
    assert made.deadly_step < 2 * made.steps_per_epoch


def test_rows_of_steps_that_differ_are_counted(resume):
    straight = [{"rows": 10 * step} for step in (1, 2, 3, 4)]
    assert resume.rows_astray(straight, straight, 10) == 0
    assert resume.rows_astray(straight, straight[:3], 10) == 10
    shifted = [{"rows": 10}, {"rows": 20}, {"rows": 20}, {"rows": 30}, {"rows": 40}]
    assert resume.rows_astray(straight, shifted, 10) == 30


def test_a_killed_run_ends_in_the_same_bits(resume, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", TINY.split())
    resume.main()
    found = {line["name"]: line["value"] for line in json.loads((tmp_path / "resume.json").read_text())["figures"]}
    assert found["final weights bit-identical"] == 1
    assert found["rows counted twice or left out"] == 0
    # Checkpoints stand 42 steps apart; the kill comes half-way between two, or on a busy machine a little later.
    assert 0 <= found["rows trained again"] <= 42 * 64
    assert 0 < found["checkpoint"] < found["from process start to the first new step after a kill"]
    assert found["checkpoint size"] > 0


def test_other_weights_fail_the_benchmark(resume, monkeypatch, tmp_path):
    curve = [{"step": 1, "rows": 64}]
    sums = iter(({"weights.safetensors": "a"}, {"weights.safetensors": "b"}))
    state = {"rows": 64, "curve_bytes": 0}
    monkeypatch.setattr(resume, "write_experiment", lambda folder, plan: folder / "experiment.toml")
    monkeypatch.setattr(resume, "checkpoint_seconds", lambda checkpoint, folder: ([0.1], [0.1]))
    for name, value in {
        "encode": lambda self: None,
        "run": lambda self: 1.0,
        "resume": lambda self: 1.0,
        "run_and_kill": lambda self, step: self.folder.mkdir(),
        "checkpoint": lambda self: self.folder,
        "checkpoint_state": lambda self: state,
        "lines": lambda self: curve,
        "sums": lambda self: next(sums),
    }.items():
        monkeypatch.setattr(resume.Trial, name, value)
    monkeypatch.setattr("sys.argv", TINY.split())
    with pytest.raises(SystemExit, match="ended in other weights than the run that was not killed"):
        resume.main()
    found = {line["name"]: line["value"] for line in json.loads((tmp_path / "resume.json").read_text())["figures"]}
    assert found["final weights bit-identical"] == 0
