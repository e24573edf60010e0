"""Run by test_recovery.py in a process of its own: trains straight, and killed at many points and resumed.

It forks before torch has computed anything, so that each run is a process that SIGKILL may end.
Usage: python killed_runs.py FOLDER; leaves FOLDER/<name>/{weights.safetensors,result.json,curve.jsonl}.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch
import torch._dynamo  # torch loads it with the first optimizer, which would cost every forked process seconds
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parent))
import tiny

from tamis.training import Schedule, TableOptimizer, checkpoint, train

SETTINGS = {
    "epochs": 3,
    "evaluations_per_epoch": 2,
    "patience": None,
    "tables": TableOptimizer(name="row_wise_adagrad"),
    "schedule": Schedule(warmup_steps=3, decay="cosine"),
    "clip_norm": 1.0,
    "log_every_steps": 3,
    "checkpoint_every_steps": 4,
    "seed": 5,
}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def run(folder, *, deadly=None, resume=False, changes=None, kill_before_replace=None, packed=False):
    torch.set_num_threads(1)
    model = tiny.TinyModel(dropout=0.3, packed=packed)
    if kill_before_replace is not None:
        replace, calls = os.replace, iter(range(10**6))

        def dies(source, target):
            if next(calls) == kill_before_replace:
                die()
            replace(source, target)

        checkpoint.os.replace = dies
    source = tiny.EndingSource(tiny.tiny_source(300, shuffle_seed=3), left=deadly, end=die)
    settings = tiny.tiny_settings(**{**SETTINGS, **(changes or {})})
    result = train(model, source=source, valid=tiny.tiny_source(90, seed=2), settings=settings, folder=folder,
                   resume=resume)  # fmt: skip
    save_file(dict(model.state_dict()), folder / "weights.safetensors")
    facts = {"best": result.best.value, "step": result.best.step, "rows": result.rows, "notes": result.notes}
    (folder / "result.json").write_text(json.dumps(facts))


def in_a_process(*, killed, **arguments):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(**arguments)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    expected = -signal.SIGKILL if killed else 0
    if os.waitstatus_to_exitcode(status) != expected:
        sys.exit(f"{arguments}: ended with {os.waitstatus_to_exitcode(status)}, expected {expected}")


def main():
    root = Path(sys.argv[1])
    in_a_process(killed=False, folder=root / "straight")
    for deadly in (0, 2, 5, 10, 13, 26):
        folder = root / f"killed-at-{deadly}"
        in_a_process(killed=True, folder=folder, deadly=deadly)
        in_a_process(killed=False, folder=folder, resume=True)
    folder = root / "killed-twice"
    in_a_process(killed=True, folder=folder, deadly=7)
    in_a_process(killed=True, folder=folder, deadly=9, resume=True)
    in_a_process(killed=False, folder=folder, resume=True)
    folder = root / "killed-while-saving"
    in_a_process(killed=True, folder=folder, kill_before_replace=3)
    in_a_process(killed=False, folder=folder, resume=True)
    for name in ("lazy_adam", "dense_adam"):
        changes = {"tables": TableOptimizer(name=name, learning_rate=0.01), "gradient_accumulation": 2}
        in_a_process(killed=False, folder=root / f"straight-{name}", changes=changes)
        in_a_process(killed=True, folder=root / f"killed-{name}", deadly=11, changes=changes)
        in_a_process(killed=False, folder=root / f"killed-{name}", changes=changes, resume=True)
    for name in ("row_wise_adagrad", "lazy_adam"):
        changes = {"tables": TableOptimizer(name=name, learning_rate=0.01, dtype="bf16")}
        in_a_process(killed=False, folder=root / f"straight-bf16-{name}", changes=changes, packed=True)
        folder = root / f"killed-bf16-{name}"
        in_a_process(killed=True, folder=folder, deadly=13, changes=changes, packed=True)
        in_a_process(killed=False, folder=folder, changes=changes, resume=True, packed=True)


if __name__ == "__main__":
    main()
