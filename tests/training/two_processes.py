"""Run by test_distributed.py: forks two gloo processes that train and evaluate, and one that does the same.

Usage: python two_processes.py FOLDER; leaves FOLDER/<case>-<processes>-<rank>.{json,safetensors}.
"""

import importlib
import json
import os
import socket
import sys
from pathlib import Path

import torch
import torch._dynamo  # torch loads it with the first optimizer, which would cost every forked process seconds
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import tiny

import tamis.training.distributed
from tamis.objectives import binary_cross_entropy
from tamis.training import TableOptimizer, Workers, evaluate, train
from tamis.training.batch_norm import synchronised_batch_norm


def gradients(workers, *, norm, rows=33):
    """One step's gradient of the mean over ``rows`` rows, which two processes cannot share evenly."""
    model = tiny.TinyModel(norm=norm, double=True, tasks=2)
    whole = tiny.tiny_rows(rows, seed=4, tasks=2)
    share = whole[slice(rows * workers.rank // workers.count, rows * (workers.rank + 1) // workers.count)]
    with synchronised_batch_norm(model, workers):
        (binary_cross_entropy(model(share), share) * (len(share) / rows)).backward()
    workers.sum_gradients(list(model.parameters()))
    assert model.table.weight.grad.is_coalesced() or workers.count == 1
    tensors = {name: parameter.grad.to_dense() for name, parameter in model.named_parameters()}
    return {**tensors, **{name: buffer.double() for name, buffer in model.named_buffers()}}


def spread_batch_norm(workers):
    """BatchNorm over images and over half precision, on both processes."""
    whole = torch.linspace(-3, 5, 7 * 3 * 4, dtype=torch.float64).reshape(7, 3, 4).sin()
    share = whole[7 * workers.rank // workers.count : 7 * (workers.rank + 1) // workers.count].requires_grad_()
    norm = nn.BatchNorm1d(3, momentum=None, affine=False).double()
    halves = nn.BatchNorm1d(3, track_running_stats=False)
    with synchronised_batch_norm(nn.ModuleList([norm, halves]), workers):
        y = norm(share)
        half = halves(share.detach().to(torch.bfloat16))
        norm.eval()
        assert norm(share).shape == share.shape
    assert "forward" not in norm.__dict__
    assert half.dtype == torch.bfloat16
    y.pow(3).sum().backward()
    parts = workers.gather((y.detach(), share.grad))
    return {
        "y": torch.cat([part for part, _ in parts]),
        "gradient": torch.cat([part for _, part in parts]),
        "running_var": norm.running_var,
        "running_mean": norm.running_mean,
    }


def trained(workers, folder, *, table, dtype="fp32", **changes):
    is_half = dtype == "bf16"
    model = tiny.TinyModel(double=not is_half, packed=is_half, dropout=0.2 * is_half, seed=workers.rank)
    tables = TableOptimizer(name=table, dtype=dtype)
    settings = tiny.tiny_settings(tables=tables, clip_norm=0.5, evaluations_per_epoch=2, **changes)
    result = train(
        model,
        source=tiny.tiny_source(203, batch_size=20, shuffle_seed=1),
        valid=tiny.tiny_source(90, seed=2),
        settings=settings,
        folder=folder / f"run-{table}-{dtype}-{workers.count}",
        workers=workers,
    )
    facts = {"value": result.best.value, "step": result.best.step, "processes": result.processes}
    return facts, {name: tensor.double() for name, tensor in model.state_dict().items()}


def evaluated(workers):
    facts = {}
    for precision in ("fp32", "bf16"):
        for rows in (333, 20):
            source = tiny.tiny_source(rows, batch_size=32, seed=6, tasks=2, groups=True)
            model = tiny.TinyModel(tasks=2)
            evaluation = evaluate(model, source, precision=precision, workers=workers, device="cpu", keep_rows=True)
            scores = evaluation.scored.probabilities
            facts[f"{precision}-{rows}"] = {
                "tasks": evaluation.tasks,
                "rows": evaluation.rows,
                "scores": scores.tolist(),
                "groups": evaluation.scored.groups.tolist(),
            }
    return facts


def odds_and_ends(workers):
    """What the small methods give when there is company."""
    unused, partly = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    untouched, lonely = (nn.Parameter(torch.zeros(5, 1)) for _ in range(2))
    untouched.row_sparse = lonely.row_sparse = True
    if workers.is_main:
        partly.grad = torch.ones(2)
        lonely.grad = torch.sparse_coo_tensor([[3]], [[2.0]], (5, 1), check_invariants=False)
    workers.sum_gradients([unused, partly, untouched, lonely])
    with torch.no_grad():
        model = nn.Linear(2, 1).requires_grad_(False)
        model.weight.fill_(float(workers.rank + 1))
    workers.share_model(model)
    workers.barrier()
    return {
        "unused": unused.grad,
        "untouched": untouched.grad,
        "partly": partly.grad.tolist(),
        "lonely": lonely.grad.to_dense().flatten().tolist(),
        "shared": model.weight.tolist(),
        "from_main": workers.from_main(f"rank {workers.rank}"),
        "gather": workers.gather(workers.rank),
        "sum": workers.sum(torch.tensor([1.5])).tolist(),
    }


def too_many_processes(workers, folder):
    try:
        train(
            tiny.TinyModel(),
            source=tiny.tiny_source(5, batch_size=1),
            valid=tiny.tiny_source(90),
            settings=tiny.tiny_settings(),
            folder=folder / "never",
            workers=workers,
        )
    except Exception as error:  # noqa: BLE001 - the test looks at what was raised
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"


def work(folder):
    torch.set_num_threads(1)
    workers = Workers.from_environment(device="cpu", timeout_seconds=60)
    place = f"-{workers.count}-{workers.rank}"
    tensors = {
        "gradients": gradients(workers, norm=False),
        "gradients-norm": gradients(workers, norm=True),
        "batch-norm": spread_batch_norm(workers),
    }
    facts = {"evaluate": evaluated(workers)}
    for table in ("row_wise_adagrad", "lazy_adam", "dense_adam"):
        facts[table], tensors[table] = trained(workers, folder, table=table, gradient_accumulation=2)
    for table in ("row_wise_adagrad", "lazy_adam"):
        facts[f"bf16-{table}"], tensors[f"bf16-{table}"] = trained(workers, folder, table=table, dtype="bf16")
    if workers.count > 1:
        facts["odds"] = odds_and_ends(workers)
        facts["too_many"] = too_many_processes(workers, folder)
    for case, named in tensors.items():
        save_file(
            {name: tensor.contiguous() for name, tensor in named.items()},
            folder / f"{case}{place}.safetensors",
        )
    (folder / f"facts{place}.json").write_text(json.dumps(facts))
    workers.close()


def left_behind(folder):
    """The group's threads before and after ``close``, in a process that is new to torch.distributed's functions."""
    for name in [name for name in sys.modules if name.startswith("torch.distributed.nn")]:
        del sys.modules[name]
    workers = importlib.reload(tamis.training.distributed).Workers.from_environment(device="cpu")
    importlib.import_module("torch.distributed.nn.functional")  # as torch's optimizers do
    workers.barrier()
    threads = [_gloo_threads()]
    workers.close()
    threads.append(_gloo_threads())
    (folder / f"threads-{workers.rank}.json").write_text(json.dumps(threads))


def _gloo_threads():
    return sum("gloo" in name.read_text() for name in Path("/proc/self/task").glob("*/comm"))


def left_alone(folder):
    """Rank 1 dies: rank 0 must fail in what it does next, not wait for ever."""
    workers = Workers.from_environment(device="cpu", timeout_seconds=60)
    try:
        workers.barrier()  # one that died while the other still connects would fail it there
        if workers.rank == 1:
            os._exit(0)
        workers.gather(1)
    except RuntimeError as error:
        (folder / "left_alone.txt").write_text(str(error))
    os._exit(0)


def fork_all(count, function, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    children = []
    for rank in range(count):
        child = os.fork()
        if child == 0:
            os.environ.update(WORLD_SIZE=str(count), RANK=str(rank), LOCAL_RANK=str(rank))
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
            status = 1
            try:
                function(folder)
                status = 0
            except Exception:  # noqa: BLE001 - a forked child must not run its parent's clean-up
                import traceback

                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    for child in children:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            sys.exit(f"{function.__name__}: a process ended with {status}")


if __name__ == "__main__":
    for processes in (1, 2):
        fork_all(processes, work, Path(sys.argv[1]))
    fork_all(2, left_behind, Path(sys.argv[1]))
    fork_all(2, left_alone, Path(sys.argv[1]))
