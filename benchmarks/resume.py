"""What a kill costs: checkpoints, coming back by ``tamis train --resume``, and whether the weights are the same.

A run of SSR-D is killed (SIGKILL) in the middle of its last epoch, some steps after a checkpoint, and resumed, all by
the command line on made-up rows of Avazu's shape with 1.54 million ids. The run that nobody kills is made once; after
every kill the final weights, the optimizer's state and the lines of the curve are compared with its own. The script
fails if a bit differs.

``rows trained again`` are those of the steps that came after the last checkpoint and went with the process; how many
there are is up to ``checkpoint_every_steps`` or ``checkpoint_minutes``. The resumed run goes on at the exact row where
the checkpoint stands: ``rows counted twice or left out`` compares its curve, which has a line for every step, with the
other run's. A checkpoint is written three times with the tensors of the killed run; as many bytes written plainly to
one file stand beside it.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import tomli_w
from criteo_shaped import zipf_ranks
from encoded_log import CLICK_CHANCE, check_room, zipf_schema
from findings import figure, write_findings
from processes import end_when_told, last_line, run, started
from train_step import AVAZU

from tamis.analysis import folder_bytes
from tamis.training.checkpoint import latest_checkpoint, read_checkpoint, write_checkpoint

POLL_SECONDS = 0.002
WRITES = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long the run is, and when it is killed; rows and steps are those of training."""

    rows: int
    batch_size: int
    cardinalities: tuple[int, ...]
    views: int
    width: int

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one of the two epochs."""
        return self.rows // self.batch_size

    @property
    def checkpoint_every(self) -> int:
        """A third of an epoch, so that the last checkpoint before the kill lies within an epoch, too."""
        return max(2, self.steps_per_epoch // 3)

    @property
    def deadly_step(self) -> int:
        """Half the way from one checkpoint of the second epoch to the next."""
        first = -(-(self.steps_per_epoch + 1) // self.checkpoint_every) * self.checkpoint_every
        return first + self.checkpoint_every // 2


def write_experiment(folder: Path, plan: Plan) -> Path:
    """Write the log, its schema and the experiment file; return the last."""
    random = np.random.default_rng(0)
    rows = plan.rows + 2 * (plan.rows // 8)
    columns = {f"c{i}": zipf_ranks(random, rows, size) for i, size in enumerate(plan.cardinalities)}
    parts = np.repeat(["train", "valid", "test"], [plan.rows, plan.rows // 8, plan.rows // 8])
    clicks = (random.random(rows) < CLICK_CHANCE).astype(np.int8)
    pl.DataFrame({**columns, "click": clicks, "part": parts}).write_parquet(folder / "log.parquet")
    zipf_schema(plan.cardinalities).save(folder / "schema.toml")
    table = {
        "data": {
            "path": str(folder / "log.parquet"),
            "schema": str(folder / "schema.toml"),
            "folder": str(folder / "encoded"),
            "split": {"kind": "column", "column": "part"},
        },
        "model": {
            "name": "ssr_d",
            "preset": "official",
            "views": [plan.views] * 2,
            "widths": [plan.width] * 2,
        },
        "training": {
            "epochs": 2,
            "batch_size": plan.batch_size,
            "checkpoint_every_steps": plan.checkpoint_every,
            "log_every_steps": 1,
        },
    }
    path = folder / "experiment.toml"
    path.write_text(tomli_w.dumps(table))
    return path


class Trial:
    """One folder of ``tamis train``: started, killed, resumed, and looked at from outside."""

    def __init__(self, experiment: Path, folder: Path) -> None:
        self.folder, self.curve = folder, folder / "curve.jsonl"
        self._command = [sys.executable, "-m", "tamis", "train", str(experiment), "--out", str(folder)]
        self._output = folder.with_suffix(".txt")

    def encode(self) -> None:
        """Encode the log, which every later run finds ready."""
        with open(self._output, "w") as output:
            if run([*self._command, "--plan"], output=output):
                raise SystemExit(f"{' '.join(self._command)} failed: {last_line(self._output)}")

    def run(self) -> float:
        """Train to the end; return the seconds until the first step was done."""
        return self._follow(kept_bytes=0)

    def run_and_kill(self, step: int) -> None:
        """Train until ``step`` is done, and not a moment longer."""
        with open(self._output, "w") as output, started(self._command, output=output) as process:
            while len(self.lines()) < step:
                if process.poll() is not None:
                    raise SystemExit(f"the run ended before step {step}: {last_line(self._output)}")
                time.sleep(POLL_SECONDS)
            process.kill()
            process.wait()

    def resume(self) -> float:
        """Go on to the end; return the seconds until the first new step was done."""
        return self._follow("--resume", kept_bytes=self.checkpoint_state()["curve_bytes"])

    def lines(self) -> list[dict]:
        """The whole lines of the curve, without the seconds, which differ from run to run."""
        text = self.curve.read_text() if self.curve.exists() else ""
        whole = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [{name: value for name, value in line.items() if name != "seconds"} for line in whole]

    def checkpoint(self) -> Path:
        """The last checkpoint."""
        path = latest_checkpoint(self.folder / "checkpoints")
        assert path is not None, f"{self.folder} has no checkpoint"
        return path

    def checkpoint_state(self) -> dict:
        """The counters in the last checkpoint."""
        return json.loads((self.checkpoint() / "state.json").read_text())["training"]

    def sums(self) -> dict[str, str]:
        """The checksums of the final weights and the optimizer's state."""
        files = json.loads((self.checkpoint() / "manifest.json").read_text())["files"]
        return {name: files[name]["sha256"] for name in ("weights.safetensors", "optimizers.safetensors")}

    def _follow(self, *more: str, kept_bytes: int) -> float:
        """Run to the end and watch the curve: a resumed run cuts it to what the checkpoint knew, then adds to it."""
        start, seconds, before = time.perf_counter(), None, self._curve_facts()
        with open(self._output, "w") as output, started([*self._command, *more], output=output) as process:
            while process.poll() is None:
                changed, size = self._curve_facts()
                if seconds is None and changed != before[0] and size > kept_bytes:
                    seconds = time.perf_counter() - start
                time.sleep(POLL_SECONDS if seconds is None else 10 * POLL_SECONDS)
        if process.returncode or seconds is None:
            raise SystemExit(f"{' '.join(self._command)} failed: {last_line(self._output)}")
        return seconds

    def _curve_facts(self) -> tuple[int, int]:
        """When the curve was last changed, and its size."""
        facts = self.curve.stat() if self.curve.exists() else None
        return (facts.st_mtime_ns, facts.st_size) if facts else (0, 0)


def rows_astray(straight: Sequence[dict], resumed: Sequence[dict], rows: int) -> int:
    """Rows of steps that stand in one curve and not in the other, or twice; of ``rows`` rows each."""
    first, second = ([line["rows"] for line in curve] for curve in (straight, resumed))
    different = sum(1 for one, other in zip(first, second, strict=False) if one != other)
    return rows * (different + abs(len(first) - len(second)))


def checkpoint_seconds(checkpoint: Path, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds to write the tensors of a checkpoint again, and to write as many bytes to a plain file."""
    kept = read_checkpoint(checkpoint)
    content = os.urandom(folder_bytes(checkpoint))
    whole, plain = [], []
    for _ in range(WRITES):
        start = time.perf_counter()
        path = write_checkpoint(folder, 1, tensors=kept.tensors, state=kept.state)
        whole.append(round(time.perf_counter() - start, 3))
        shutil.rmtree(path)
        start = time.perf_counter()
        with open(folder / "plain.bin", "wb") as file:
            file.write(content)
            os.fsync(file.fileno())
        plain.append(round(time.perf_counter() - start, 3))
    return whole, plain


def main() -> None:
    """Kill and resume ``--runs`` times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=98_304, help="training rows")
    parser.add_argument("--batch-size", type=int, default=4096)
    parser.add_argument("--ids", type=int, nargs="*", default=AVAZU, help="ids of each field")
    parser.add_argument("--views", type=int, default=8, help="views of each of the two SSR blocks")
    parser.add_argument("--width", type=int, default=128, help="width of a view")
    arguments = parser.parse_args()
    end_when_told()
    plan = Plan(
        rows=arguments.rows,
        batch_size=arguments.batch_size,
        cardinalities=tuple(arguments.ids),
        views=arguments.views,
        width=arguments.width,
    )
    found: dict[str, list[float]] = {}

    def keep(name: str, *values: float) -> None:
        found.setdefault(name, []).extend(values)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        check_room(folder, needed=2_000 * sum(plan.cardinalities))
        experiment = write_experiment(folder, plan)
        straight = Trial(experiment, folder / "straight")
        straight.encode()
        keep("from process start to the first step of a new run", round(straight.run(), 2))
        lines, sums = straight.lines(), straight.sums()
        for number in range(arguments.runs):
            trial = Trial(experiment, folder / f"killed-{number}")
            trial.run_and_kill(plan.deadly_step)
            keep("rows trained again", trial.lines()[-1]["rows"] - trial.checkpoint_state()["rows"])
            if number == 0:
                seconds, plain = checkpoint_seconds(trial.checkpoint(), folder / "written")
                keep("checkpoint", *seconds)
                keep("as many bytes written to a plain file", *plain)
                keep("checkpoint size", round(folder_bytes(trial.checkpoint()) / 1e6, 1))
            keep("from process start to the first new step after a kill", round(trial.resume(), 2))
            keep("rows counted twice or left out", rows_astray(lines, trial.lines(), plan.batch_size))
            keep("final weights bit-identical", int(trial.sums() == sums and trial.lines() == lines))
            shutil.rmtree(trial.folder)
    goals = {
        "as many bytes written to a plain file": "the limit",
        "rows trained again": f"<= {plan.checkpoint_every * plan.batch_size}",
        "rows counted twice or left out": "= 0",
        "final weights bit-identical": "= 1",
    }
    units = {"checkpoint size": "MB", "final weights bit-identical": "yes = 1"}
    write_findings(
        "resume",
        [
            figure(
                name,
                runs,
                unit=units.get(name, "rows" if name.startswith("rows") else "s"),
                goal=goals.get(name, "-"),
            )
            for name, runs in found.items()
        ],
    )
    if min(found["final weights bit-identical"]) < 1:
        raise SystemExit("a resumed run ended in other weights than the run that was not killed.")


if __name__ == "__main__":
    main()
