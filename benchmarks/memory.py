"""How much more memory ten times the rows take: the peak of a process of its own for each step and size.

The figure that counts is that of ``encode and train``: one process that encodes a raw log of 39 columns and trains an
epoch on it, as ``tamis train`` does the first time, so its peak is that of both steps in sequence. The steps alone
stand beside it. Training is a small DCNv2, so that memory of rows is not hidden behind memory of weights.

A peak is what the kernel counts (VmHWM): memory of the process's own and the pages of files it has mapped, which it
shares with others and gives up when asked. Both are also sampled apart, as ``own memory`` and ``mapped files``; their
highest values need not fall into the same moment. What grows with more rows although nothing is kept of them: the
vocabularies (a rare value is seen often enough in more rows to get an id of its own), and the scores of the validation
and test rows, which exact ranks need. With fewer than some 400,000 rows the buffers in which rows are shuffled are not
full, and a comparison shows them too.

The logs are made on the fly and lie in the folder for temporary files, which needs 5 GB for ten million rows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from criteo_shaped import write_log
from encoded_log import check_room
from findings import figure, lend_figure, short_count, write_findings
from processes import end_when_told, started

from tamis.data import EncodedSet, SplitSettings, open_source, prepare
from tamis.data.recipes import RECIPES

TIMES = 10
SAMPLED_EVERY = 0.005
BYTES_PER_ROW = 450
"""Of the raw log, its coded rows while they are set aside, and the encoded set."""


def prepare_set(folder: Path) -> None:
    """The step ``prepare``: read, fit, encode."""
    prepare(
        source=open_source(folder / "log.tsv", format="criteo"),
        schema=RECIPES["criteo"].schema,
        split=SplitSettings(),
        folder=folder / "encoded",
        force=True,
    )


def read_batches(folder: Path) -> None:
    """The step ``batches``: one epoch of training batches and one of test batches, no model."""
    from tamis.data.batching import EncodedBatches  # here, so that torch does not count in the other steps

    encoded = EncodedSet.open(folder / "encoded")
    for split, seed in (("train", 0), ("test", None)):
        batches = EncodedBatches(encoded.split(split), encoded.layout, batch_size=4096, shuffle_seed=seed)
        assert sum(len(batch) for batch in batches.epoch(0)) == encoded.rows(split)


def train_model(folder: Path) -> None:
    """The step ``train``: one epoch of DCNv2 with its record, as ``tamis train`` runs it."""
    from tamis.experiment import read_settings, run_experiment  # here, so that torch does not count in ``prepare``

    table = {
        "data": {"recipe": "criteo"},
        "model": {"name": "dcn_v2", "dim": 4, "hidden": [64]},
        "training": {"epochs": 1, "batch_size": 4096},
    }
    encoded = EncodedSet.open(folder / "encoded")
    with tempfile.TemporaryDirectory() as place:
        run_experiment(read_settings(table, where="benchmark"), encoded, folder=Path(place), command="benchmark")


def encode_and_train(folder: Path) -> None:
    """The step ``encode and train``: both in one process."""
    prepare_set(folder)
    train_model(folder)


BOTH = "encode and train"
STEPS = {"prepare": prepare_set, "batches": read_batches, "train": train_model, BOTH: encode_and_train}


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The most memory a process has held, in MB, and how long it took."""

    whole: float
    own: float
    files: float
    seconds: float


def memory_of(process: int | str) -> dict[str, float]:
    """What the kernel says of the memory of a process, in MB: ``VmHWM``, ``RssAnon``, ``RssFile`` and others."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {
        name: int(value.split()[0]) / 1e3 for name, _, value in (line.partition(":") for line in lines) if "kB" in value
    }


def watch(step: str, folder: Path) -> Peak:
    """Run one step in a process of its own, and look at its memory every few milliseconds."""
    own = files = 0.0
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    with started(command, output=subprocess.PIPE, errors=None) as process:
        while process.poll() is None:
            now = memory_of(process.pid)
            own, files = max(own, now.get("RssAnon", 0.0)), max(files, now.get("RssFile", 0.0))
            time.sleep(SAMPLED_EVERY)
        said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"step {step!r} failed.")
    # Not from resource.getrusage: its peak begins with that of the process which started this one.
    last = json.loads(said.splitlines()[-1])
    return Peak(whole=round(last["peak"], 1), own=round(own, 1), files=round(files, 1), seconds=last["seconds"])


def figures_of(step: str, peaks: dict[int, list[Peak]]) -> list[dict[str, Any]]:
    """The peaks of one step at both sizes, and what it takes more."""
    few, many = sorted(peaks)

    def growth(part: str) -> list[float]:
        pairs = zip(peaks[few], peaks[many], strict=True)
        return [round(getattr(more, part) - getattr(less, part), 1) for less, more in pairs]

    return [
        *(
            figure(f"{step}: peak at {rows:,} rows", [peak.whole for peak in peaks[rows]], unit="MB", goal="-")
            for rows in (few, many)
        ),
        figure(f"{step}: growth", growth("whole"), unit="MB", goal="< 200"),
        figure(f"{step}: growth of own memory", growth("own"), unit="MB", goal="-"),
        figure(f"{step}: growth of mapped files", growth("files"), unit="MB", goal="-"),
    ]


def run_step(step: str, folder: Path) -> None:
    """In a process of its own: do the step, then say what it took."""
    start = time.perf_counter()
    STEPS[step](folder)
    seconds = time.perf_counter() - start
    print(json.dumps({"peak": memory_of("self")["VmHWM"], "seconds": seconds}))


def main() -> None:
    """Compare the peaks for ``--rows`` rows and ten times as many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--step", choices=sorted(STEPS), help="for the processes this one starts")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.step:
        run_step(arguments.step, arguments.folder)
        return
    end_when_told()
    few, many = sizes = (arguments.rows, TIMES * arguments.rows)
    peaks: dict[str, dict[int, list[Peak]]] = {step: {} for step in STEPS}
    for rows in sizes:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            check_room(folder, needed=rows * BYTES_PER_ROW)
            write_log(folder / "log.tsv", rows=rows)
            for step in STEPS:
                peaks[step][rows] = [watch(step, folder) for _ in range(arguments.runs)]
    pairs = list(zip(peaks[BOTH][few], peaks[BOTH][many], strict=True))
    name = f"peak MB of {short_count(many)} rows minus {short_count(few)} rows"
    differences = [round(more.whole - less.whole, 1) for less, more in pairs]
    headline = figure(name, differences, unit="MB", goal="< 150")
    write_findings("memory", [headline, *(line for step in STEPS for line in figures_of(step, peaks[step]))])
    encoding = zip(peaks["prepare"][few], peaks["prepare"][many], strict=True)
    ratios = [round(TIMES * less.seconds / more.seconds, 3) for less, more in encoding]
    name = f"encoding rows/s at {short_count(many)} rows over {short_count(few)} rows"
    lend_figure("growth", figure(name, ratios, unit="times", goal="0.9 to 1.1"), measured_by="memory")


if __name__ == "__main__":
    main()
