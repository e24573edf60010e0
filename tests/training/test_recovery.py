"""Killed by SIGKILL at any point and resumed, a run ends in the same bits as one that was left alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tamis.errors import CheckpointError
from tamis.training import DenseOptimizer, train
from tamis.training.stochastic_rounding import StochasticRounding

KILLED = [
    ("killed-at-0", "straight"),
    ("killed-at-2", "straight"),
    ("killed-at-5", "straight"),
    ("killed-at-10", "straight"),
    ("killed-at-13", "straight"),
    ("killed-at-26", "straight"),
    ("killed-twice", "straight"),
    ("killed-while-saving", "straight"),
    ("killed-lazy_adam", "straight-lazy_adam"),
    ("killed-dense_adam", "straight-dense_adam"),
    ("killed-bf16-row_wise_adagrad", "straight-bf16-row_wise_adagrad"),
    ("killed-bf16-lazy_adam", "straight-bf16-lazy_adam"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    script = Path(__file__).with_name("killed_runs.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env=environment,
        capture_output=True,
        timeout=300,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def curve_of(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.mark.parametrize(("killed", "straight"), KILLED)
def test_a_killed_and_resumed_run_ends_in_the_same_bits(runs, killed, straight):
    expected = load_file(runs / straight / "weights.safetensors")
    got = load_file(runs / killed / "weights.safetensors")
    assert expected.keys() == got.keys()
    for name, tensor in expected.items():
        assert torch.equal(got[name], tensor), name
    assert curve_of(runs / killed) == curve_of(runs / straight)
    first, second = (json.loads((runs / name / "result.json").read_text()) for name in (killed, straight))
    assert {**first, "notes": None} == {**second, "notes": None}


def test_the_straight_run_is_long_enough_to_be_killed_between_its_validations(runs):
    lines = curve_of(runs / "straight")
    assert [line["step"] for line in lines if line["valid"]] == [5, 10, 15, 20, 25, 30]
    assert {line["step"] for line in lines if not line["valid"]} == {3, 6, 9, 12, 18, 21, 24, 27}
    assert len({json.dumps(line["valid"]) for line in lines if line["valid"]}) == 6


def test_a_resumed_run_says_from_where(runs):
    def notes(name):
        return json.loads((runs / name / "result.json").read_text())["notes"]

    assert notes("killed-at-13") == ["resumed from step 12 of 30"]
    assert notes("killed-at-2") == [f"no checkpoint in {runs}/killed-at-2/checkpoints: started from the beginning"]


def test_only_the_last_and_the_best_checkpoint_remain(runs):
    best = json.loads((runs / "straight" / "result.json").read_text())["step"]
    names = {path.name for path in (runs / "killed-while-saving" / "checkpoints").iterdir()}
    assert names == {"step-30", f"step-{best}"}


def test_a_checkpoint_holds_the_stream_of_rounding_where_it_stands(runs):
    stream = load_file(runs / "straight-bf16-lazy_adam" / "checkpoints" / "step-30" / "random.safetensors")["rounding"]
    assert not torch.equal(stream, StochasticRounding(seed=5, device=torch.device("cpu")).state)
    resumed = load_file(runs / "killed-bf16-lazy_adam" / "checkpoints" / "step-30" / "random.safetensors")["rounding"]
    assert torch.equal(resumed, stream)
    weights = load_file(runs / "straight-bf16-lazy_adam" / "weights.safetensors")
    assert weights["table.weight"].dtype == torch.bfloat16
    assert "rounding" not in load_file(runs / "straight" / "checkpoints" / "step-30" / "random.safetensors")


@pytest.fixture
def finished(tiny, tmp_path):
    """A finished run in a folder, and a function that starts it again with changes."""

    def again(*, resume=True, identity=None, source=None, model=None, **changes):
        return train(
            model or tiny.TinyModel(),
            source=source or tiny.tiny_source(),
            valid=tiny.tiny_source(80, seed=2),
            settings=tiny.tiny_settings(**changes),
            folder=tmp_path,
            resume=resume,
            identity=identity,
        )

    again(resume=False)
    return tmp_path, again


def test_a_finished_run_resumed_gives_its_result_again(finished):
    folder, again = finished
    before = (folder / "curve.jsonl").read_bytes()
    result = again()
    assert result.steps == 26 and result.notes == ("resumed from step 26 of 26",)
    assert (folder / "curve.jsonl").read_bytes() == before


def test_other_settings_are_refused_and_listed(finished):
    _, again = finished
    with pytest.raises(
        CheckpointError,
        match=r"other settings \(clip_norm: None in the checkpoint, 2.0 now; "
        r"dense.learning_rate: 0.01 in the checkpoint, 0.02 now\)\. Resume with the old settings",
    ):
        again(clip_norm=2.0, dense=DenseOptimizer(learning_rate=0.02))


def test_settings_that_cannot_change_the_result_may_differ(finished):
    _, again = finished
    assert again(checkpoint_every_steps=3, checkpoint_minutes=None).steps == 26


def test_other_rows_and_another_identity_are_refused(finished, tiny):
    _, again = finished
    with pytest.raises(CheckpointError, match=r"training rows: 400 in the checkpoint, 390 now"):
        again(source=tiny.tiny_source(390))
    with pytest.raises(CheckpointError, match=r"data: None in the checkpoint, 'abc' now"):
        again(identity={"data": "abc"})
    with pytest.raises(CheckpointError, match=r"model.hidden: None in the checkpoint, \[8, 4\] now"):
        again(identity={"model": {"hidden": (8, 4)}})


def test_another_model_is_refused(finished, tiny):
    _, again = finished
    with pytest.raises(CheckpointError, match=r"'hidden.weight' has shape \(8, 13\) in the model and \(8, 9\) in"):
        again(model=tiny.TinyModel(dim=6))


def test_a_new_run_does_not_erase_an_old_one(finished):
    folder, again = finished
    with pytest.raises(CheckpointError, match=r"holds a run at step-26, which a new run would erase. Resume it"):
        again(resume=False)
    assert (folder / "checkpoints" / "step-26").is_dir()


def test_a_damaged_checkpoint_is_named_with_both_checksums(finished):
    folder, again = finished
    file = folder / "checkpoints" / "step-26" / "optimizers.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(
        CheckpointError,
        match=r"step-26/optimizers.safetensors: is damaged: expected sha256 [0-9a-f]{64} \(\d+ bytes\), "
        r"got [0-9a-f]{64} \(\d+ bytes\)\. Delete this folder to resume from an older checkpoint",
    ):
        again()


def test_a_shortened_curve_is_named(finished):
    folder, again = finished
    (folder / "curve.jsonl").write_text("")
    with pytest.raises(CheckpointError, match=r"curve.jsonl: must hold the \d+ bytes it had at the checkpoint; got 0"):
        again()


def test_after_the_checkpoints_are_deleted_the_run_starts_over(finished):
    folder, again = finished
    before = (folder / "curve.jsonl").read_text().count("\n")
    shutil.rmtree(folder / "checkpoints")
    result = again()
    assert result.notes[0].endswith("started from the beginning")
    assert (folder / "curve.jsonl").read_text().count("\n") == before
