"""How much more memory ten times the rows take: the peak of a process of its own for each step and size."""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from criteo_shaped import write_log
from findings import figure, write_findings

from tamis.data import EncodedSet, SplitSettings, open_source, prepare
from tamis.data.recipes import RECIPES


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


STEPS = {"prepare": prepare_set, "batches": read_batches, "train": train_model}


def peak_megabytes(step: str, folder: Path) -> float:
    """Run one step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return round(float(done.stdout) / 1e3, 1)


def main() -> None:
    """Compare the peaks for ``--rows`` rows and ten times as many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--step", choices=sorted(STEPS))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.step:
        STEPS[arguments.step](arguments.folder)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # in kilobytes on Linux
        return
    peaks: dict[tuple[str, int], list[float]] = {}
    for rows in (arguments.rows, 10 * arguments.rows):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_log(folder / "log.tsv", rows=rows)
            for step in STEPS:
                peaks[step, rows] = [peak_megabytes(step, folder) for _ in range(arguments.runs)]
    figures = []
    for step in STEPS:
        few, many = peaks[step, arguments.rows], peaks[step, 10 * arguments.rows]
        figures += [
            figure(f"{step}: peak at {arguments.rows:,} rows", few, unit="MB", goal="-"),
            figure(f"{step}: peak at {10 * arguments.rows:,} rows", many, unit="MB", goal="-"),
            figure(
                f"{step}: growth",
                [round(more - less, 1) for less, more in zip(few, many, strict=True)],
                unit="MB",
                goal="< 200",
            ),
        ]
    write_findings("memory", figures)


if __name__ == "__main__":
    main()
