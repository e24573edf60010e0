"""Two real processes against one: same gradients, same weights, the same metrics bit by bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tamis.errors import ConfigError
from tamis.training import Workers, choose_device

TABLES = ("row_wise_adagrad", "lazy_adam")


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("both")
    script = Path(__file__).with_name("two_processes.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env=environment,
        capture_output=True,
        timeout=240,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def facts(folder: Path, processes: int, rank: int = 0) -> dict:
    return json.loads((folder / f"facts-{processes}-{rank}.json").read_text())


@pytest.mark.parametrize("case", ["gradients", "gradients-norm", "batch-norm"])
def test_the_mean_gradient_of_two_processes_is_that_of_one(both, case):
    one = load_file(both / f"{case}-1-0.safetensors")
    for rank in (0, 1):
        two = load_file(both / f"{case}-2-{rank}.safetensors")
        assert one.keys() == two.keys()
        for name, tensor in one.items():
            torch.testing.assert_close(two[name], tensor, rtol=1e-10, atol=1e-12, msg=f"{case} {name}")
    assert any(tensor.abs().max() > 1e-3 for tensor in one.values())


@pytest.mark.parametrize("case", ["row_wise_adagrad", "lazy_adam", "dense_adam"])
def test_two_processes_train_the_weights_of_one(both, case):
    one = load_file(both / f"{case}-1-0.safetensors")
    for rank in (0, 1):
        two = load_file(both / f"{case}-2-{rank}.safetensors")
        for name, tensor in one.items():
            torch.testing.assert_close(two[name], tensor, rtol=1e-6, atol=1e-8, msg=f"{case} {name}")
    ours, theirs = facts(both, 1)[case], facts(both, 2)[case]
    assert theirs == {**ours, "processes": 2, "value": pytest.approx(ours["value"], abs=1e-9)}


@pytest.mark.parametrize("case", [*(f"{dtype}{name}" for dtype in ("", "bf16-") for name in TABLES), "dense_adam"])
def test_both_processes_hold_the_same_bits(both, case):
    first, second = (load_file(both / f"{case}-2-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_the_tables_of_that_comparison_are_in_half_precision(both):
    for rank in (0, 1):
        table = load_file(both / f"bf16-lazy_adam-2-{rank}.safetensors")["table.weight"].double()
        assert torch.equal(table, table.bfloat16().double()) and table.abs().max() > 0.05


@pytest.mark.parametrize("case", ["fp32-333", "bf16-333", "fp32-20", "bf16-20"])
def test_metrics_and_scores_are_identical_on_one_and_two_processes(both, case):
    one = facts(both, 1)["evaluate"][case]
    assert len(one["scores"]) == one["rows"] == int(case.split("-")[1])
    for rank in (0, 1):
        assert facts(both, 2, rank)["evaluate"][case] == one


def test_the_curve_is_written_once_and_is_that_of_one_process(both):
    def losses(processes):
        path = both / f"run-lazy_adam-fp32-{processes}" / "curve.jsonl"
        return [json.loads(line)["train_loss"] for line in path.read_text().splitlines()]

    assert losses(2) == pytest.approx(losses(1), rel=1e-6)


def test_small_things_travel(both):
    for rank in (0, 1):
        odds = facts(both, 2, rank)["odds"]
        assert odds["unused"] is None and odds["untouched"] is None
        assert odds["partly"] == [1.0, 1.0]
        assert odds["lonely"] == [0.0, 0.0, 0.0, 2.0, 0.0]
        assert odds["shared"] == [[1.0, 1.0]]
        assert odds["from_main"] == "rank 0"
        assert odds["gather"] == [0, 1]
        assert odds["sum"] == [3.0]


def test_a_batch_smaller_than_the_number_of_processes_is_refused(both):
    assert facts(both, 2)["too_many"] == (
        "TrainingError: each batch must have a row for each process (2); the smallest has 1. "
        "Give more rows, a larger batch_size or fewer processes."
    )


def test_a_process_left_alone_fails_instead_of_waiting_for_ever(both):
    assert (both / "left_alone.txt").read_text()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted where the system lists them")
def test_no_thread_of_the_group_outlives_it(both):
    # One that still runs while the interpreter ends can abort the process.
    for rank in (0, 1):
        during, after = json.loads((both / f"threads-{rank}.json").read_text())
        assert during > 0 and after == 0


def test_alone_every_method_is_the_identity():
    workers = Workers()
    value = torch.tensor([2.0], requires_grad=True)
    weight = torch.nn.Parameter(torch.zeros(2))
    workers.sum_gradients([weight])
    workers.share_model(torch.nn.Linear(1, 1))
    workers.barrier()
    workers.close()
    assert (workers.rank, workers.count, workers.is_main) == (0, 1, True)
    assert workers.sum(value) is value and workers.sum_with_gradient(value) is value
    assert workers.gather(7) == [7] and workers.from_main(7) == 7
    assert weight.grad is None


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Workers.from_environment().count == 1


def test_a_world_without_a_rank_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match=r"WORLD_SIZE is set and RANK is not.*Start the processes with torchrun"):
        Workers.from_environment()


def test_a_device_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"device must be 'auto', 'cpu' or 'cuda'; got 'tpux'"):
        choose_device("tpux")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"device 'cuda' was asked for, and torch finds no GPU here"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"
