"""The plan: its parts counted by hand, its peak against the real one, and the refusal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from tamis.errors import TrainingError
from tamis.experiment import make_plan, planning, prepare_data, read_settings, run_experiment
from tamis.features import Schema

ROWS = 20_000
MB = 10**6
DEEP = {"name": "ssr_d", "dim": 16, "views": [8] * 6, "widths": [64] * 6}
MANY_VIEWS = {"name": "ssr_s", "dim": 16, "views": [512] * 2, "widths": [32] * 2}
SMALL = {"name": "mlp", "dim": 16, "hidden": [8]}


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "user_id": random.integers(0, 10**6, ROWS),
            "price": random.normal(size=ROWS),
            "click": random.integers(0, 2, ROWS),
        }
    )
    frame.write_parquet(folder / "log.parquet")
    Schema.infer(frame, label="click").save(folder / "schema.toml")
    return folder


def table_of(log, model, *, buckets=1000, **training):
    return {
        "data": {
            "path": str(log / "log.parquet"),
            "schema": str(log / "schema.toml"),
            "folder": str(log / f"encoded-{buckets}"),
            "fields": {"user_id": {"encoder": "hash", "buckets": buckets}},
        },
        "model": model,
        "training": {"epochs": 1, "batch_size": 2048, "device": "cpu", "precision": "fp32", **training},
    }


def plan_of(log, model=SMALL, folder="run", **changes):
    settings = read_settings(table_of(log, model, **changes), where="test")
    encoded = prepare_data(settings.data)
    return make_plan(settings, encoded, folder=log / folder), settings, encoded


def test_tables_and_their_state_are_counted_exactly(log):
    rows = {}
    for name, dtype in (("row_wise_adagrad", "fp32"), ("row_wise_adagrad", "bf16"), ("lazy_adam", "fp32")):
        plan, _, encoded = plan_of(log, tables={"name": name, "dtype": dtype})
        rows = sum(encoded.layout.tables.values())
        assert plan.memory["tables"] == rows * 16 * (4 if dtype == "fp32" else 2)
        state = rows if name == "row_wise_adagrad" else 2 * rows * 16
        assert plan.memory["optimizer state of the tables"] == 4 * state


def test_dense_weights_count_with_both_moments(log):
    plan, settings, encoded = plan_of(log)
    record = run_experiment(settings, encoded, folder=log / "counted", command="test", plan=plan)
    numbers = record.parameters["dense"]
    # Running mean and variance of the input's BatchNorm, and a few indices beside them.
    assert 12 * numbers < plan.memory["dense weights with optimizer state"] < 12 * numbers + 1000
    assert record.plan == plan.to_json()
    assert json.loads((log / "counted" / "record.json").read_text())["plan"] == plan.to_json()


def test_a_plan_is_small_whatever_the_tables_and_leaves_the_random_state_alone(log):
    before = torch.get_rng_state()
    plan, _, _ = plan_of(log, {**SMALL, "dim": 10_000}, buckets=20_000_000)
    assert plan.memory["tables"] > 4 * 10**11
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_is_measured_and_scaled(log):
    sizes = {}
    for batch_size in (512, 1024, 4096):
        plan, _, _ = plan_of(log, DEEP, batch_size=batch_size)
        assert plan.batch_rows == batch_size and plan.measured_rows <= 1024
        sizes[batch_size] = plan.memory["one batch"]
    growth = (sizes[1024] - sizes[512]) / 512
    assert sizes[4096] - sizes[1024] == pytest.approx(3072 * growth, rel=0.1)
    again, _, _ = plan_of(log, DEEP, batch_size=4096, checkpoint_activations=True)
    assert again.memory["one batch"] < 0.5 * sizes[4096]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_tiny_batches_are_planned_too(log, batch_size):
    plan, _, _ = plan_of(log, batch_size=batch_size)
    assert plan.batch_rows == batch_size and plan.memory["one batch"] > 0


PEAKS = {
    "tables": {"model": SMALL, "buckets": 4_000_000},
    "half tables": {"model": SMALL, "buckets": 4_000_000, "tables": {"dtype": "bf16"}},
    "lazy adam": {"model": SMALL, "buckets": 2_000_000, "tables": {"name": "lazy_adam"}},
    "deep": {"model": DEEP, "batch_size": 8192},
    "scored at the end": {"model": MANY_VIEWS, "batch_size": 128, "precision": "bf16"},
    "deep, recomputed": {"model": DEEP, "batch_size": 8192, "checkpoint_activations": True},
}


@pytest.fixture(scope="module")
def peaks(log):
    """Plan and real peak of each case, each in a process of its own; made when first asked for."""
    found = {}

    def measure(name):
        if name not in found:
            (log / "settings.json").write_text(json.dumps(table_of(log, **PEAKS[name])))
            command = [sys.executable, Path(__file__).with_name("planned_run.py"), log / name, log / "settings.json"]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            found[name] = json.loads(done.stdout)
        return found[name]

    return measure


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", PEAKS)
def test_the_plan_is_within_a_quarter_of_the_real_peak(peaks, name):
    found = peaks(name)
    needed, peak = found["plan"]["memory_needed"], found["peak"]
    assert 0.75 * peak - 50 * MB <= needed <= 1.25 * peak + 100 * MB, (needed / MB, peak / MB)
    assert found["disk"] <= found["plan"]["disk_needed"] + MB


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_run_gives_its_memory_back_to_the_next_one_in_its_process(peaks):
    found = peaks("scored at the end")
    assert found["left"] < 0.5 * found["peak"], (found["left"] / MB, found["peak"] / MB)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_half_tables_and_recomputed_activations_lower_the_real_peak(peaks):
    # Two tables at the end of a run, of 4 million rows and 16 numbers each: 2 bytes less a number.
    assert peaks("tables")["peak"] - peaks("half tables")["peak"] > 0.8 * 2 * 4_000_000 * 16 * 2
    assert peaks("deep, recomputed")["peak"] < 0.65 * peaks("deep")["peak"]


def test_too_little_memory_is_refused_with_the_ways_out(log, monkeypatch):
    monkeypatch.setattr(planning, "free_memory_bytes", lambda: 60 * MB)
    plan, settings, encoded = plan_of(log, buckets=4_000_000)
    message = (
        r"^training needs about [\d.]+ MB of memory \(tables [\d.]+ MB, libraries .*\), and 60\.0 MB are free\. "
        r'To need less: a smaller model\.dim; smaller tables \(min_count, or encoder = "hash" with buckets, of the '
        r'largest fields\); training\.tables\.dtype = "bf16"; a smaller training\.batch_size with '
        r"gradient_accumulation; training\.checkpoint_activations = true\. "
        r"To train all the same: --anyway \(must_fit=False\)\.$"
    )
    with pytest.raises(TrainingError, match=message):
        run_experiment(settings, encoded, folder=log / "refused", command="test")
    assert not (log / "refused").exists()
    assert plan.problem() is not None


def test_where_a_batch_is_the_largest_part_its_ways_out_come_first_and_those_taken_are_left_out(log, monkeypatch):
    monkeypatch.setattr(planning, "free_memory_bytes", lambda: 0)
    changes = {"tables": {"dtype": "bf16"}, "checkpoint_activations": True}
    plan, _, _ = plan_of(log, DEEP, **changes)
    assert plan.ways_out[0] == "a smaller training.batch_size with gradient_accumulation"
    assert not [way for way in plan.ways_out if "bf16" in way or "checkpoint" in way]


def test_the_parts_of_the_disk_add_up_also_where_some_of_the_run_lies_there_already(log):
    fresh, _, encoded = plan_of(log, folder="resumed")
    assert fresh.disk_needed == fresh.disk["checkpoints"] + fresh.disk["saved model"] == sum(fresh.disk.values())
    (log / "resumed").mkdir()
    (log / "resumed" / "checkpoint").write_bytes(bytes(1000))
    resumed, _, _ = plan_of(log, folder="resumed")
    assert fresh.disk_needed - resumed.disk_needed == 1000
    assert resumed.disk_needed == sum(resumed.disk.values())
    assert resumed.disk["there already"] == -(resumed.disk["encoded set"] + 1000)
    (log / "resumed" / "checkpoint").write_bytes(bytes(fresh.disk_needed + 1))
    full, _, _ = plan_of(log, folder="resumed")
    assert full.disk_needed == sum(full.disk.values()) == 0


def test_too_little_disk_is_refused(log, monkeypatch):
    monkeypatch.setattr(planning, "free_disk_bytes", lambda folder: 1000)
    _, settings, encoded = plan_of(log)
    message = (
        r"^the run's folder needs about 0\.\d MB on the disk .*, and 0\.0 MB are free\. To go on: free some space;"
    )
    with pytest.raises(TrainingError, match=message):
        run_experiment(settings, encoded, folder=log / "refused", command="test")


def test_a_run_that_must_not_fit_goes_on_all_the_same(log, monkeypatch):
    monkeypatch.setattr(planning, "free_memory_bytes", lambda: 1)
    _, settings, encoded = plan_of(log)
    record = run_experiment(settings, encoded, folder=log / "anyway", command="test", must_fit=False)
    assert record.plan["memory_free"] == 1 < record.plan["memory_needed"]


def test_where_nobody_tells_what_is_free_nothing_is_refused(log, monkeypatch):
    monkeypatch.setattr(planning, "free_memory_bytes", lambda: None)
    plan, _, _ = plan_of(log)
    assert plan.problem() is None and plan.memory_free is None


def test_several_processes_of_one_machine_share_its_memory(log, monkeypatch):
    alone, _, _ = plan_of(log, buckets=4_000_000)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    together, _, _ = plan_of(log, buckets=4_000_000)
    assert together.memory_needed == pytest.approx(3 * alone.memory_needed, rel=0.01)
