"""Real processes: one killed and resumed, two that train one model together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomli_w
from safetensors.torch import load_file

from tamis.features import Schema

TAMIS = [sys.executable, "-c", "from tamis.cli import main; main()"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def experiment(click_log, tmp_path) -> Path:
    """A file whose run takes some seconds, with dropout, so that random state matters."""
    click_log.write_parquet(tmp_path / "log.parquet")
    Schema.infer(click_log, label="click").save(tmp_path / "schema.toml")
    data = {name: str(tmp_path / f"{name}{ending}") for name, ending in (("schema", ".toml"), ("folder", ""))}
    table = {
        "data": {"path": str(tmp_path / "log.parquet"), **data},
        "model": {"name": "ssr_d", "dim": 4, "views": [2], "widths": [8], "dropout": 0.2},
        "training": {
            "epochs": 12,
            "patience": 12,
            "batch_size": 8,
            "device": "cpu",
            "precision": "fp32",
            "checkpoint_every_steps": 20,
        },
    }
    (tmp_path / "experiment.toml").write_text(tomli_w.dumps(table))
    return tmp_path / "experiment.toml"


def weights(run: Path) -> dict:
    return load_file(run / "model" / "weights.safetensors")


def test_a_run_that_is_killed_and_resumed_ends_with_the_same_bits(experiment, tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    subprocess.run([*TAMIS, "train", experiment, "--out", straight], check=True, env=ONE_THREAD, capture_output=True)

    started = subprocess.Popen(
        [*TAMIS, "train", experiment, "--out", broken],
        env=ONE_THREAD,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(broken.glob("checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert list(broken.glob("checkpoints/step-*")), "killed before the first checkpoint"
    assert not (broken / "record.json").exists(), "finished before it could be killed"

    resumed = [*TAMIS, "train", experiment, "--out", broken, "--resume"]
    subprocess.run(resumed, check=True, env=ONE_THREAD, capture_output=True)
    expected, found = weights(straight), weights(broken)
    assert expected.keys() == found.keys()
    assert all(expected[name].equal(found[name]) for name in expected)
    records = [json.loads((run / "record.json").read_text()) for run in (straight, broken)]
    for part in ("test", "valid", "best", "reliability", "slices", "alarms"):
        assert records[0][part] == records[1][part]


def test_two_processes_train_one_model_to_the_weights_of_one(experiment, tmp_path):
    # Few steps: after many, Adam has made the last bits of a gradient's sum into different ways down.
    settings = ["training.epochs=1", "training.batch_size=400", "model.dropout=0.0"]
    words = ["train", experiment, *(word for setting in settings for word in ("--set", setting))]
    subprocess.run([*TAMIS, *words, "--out", tmp_path / "one"], check=True, env=ONE_THREAD, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    launch += ["--master-addr", "127.0.0.1", "--no-python", *TAMIS, *words, "--out", tmp_path / "two"]
    done = subprocess.run(launch, env=ONE_THREAD, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in one:
        assert (one[name].double() - two[name].double()).abs().max() < 1e-4, name
    records = [json.loads((tmp_path / name / "record.json").read_text()) for name in ("one", "two")]
    assert records[0]["test"]["rows"] == records[1]["test"]["rows"]
    assert records[0]["test"]["auc"] == pytest.approx(records[1]["test"]["auc"], abs=1e-3)
