"""What fields look worth epoch by epoch: on rows not seen before, and on the same rows once they were learned.

    python experiments/worth_by_epoch.py                 writes results/worth/planted-sparse.json

The log is made up: six fields decide, 54 are noise (docs/planted.md).
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from train_aside import train_aside

from tamis.data import EncodedSet
from tamis.experiment import build_model, make_batches, prepare_data, read_settings, worth_meter
from tamis.record import command_line, machine, versions, write_whole

RECIPE, TRUE = "planted-sparse", "signal"
NOTE = "worth of fields in each epoch, by a small network while it learns; z is the worth in standard errors"


def main() -> None:
    """Measure for each seed, and write one JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "worth")
    arguments = parser.parse_args()
    table = {
        "data": {"recipe": RECIPE},
        "model": {"name": "mlp", "dim": 8, "hidden": [64]},
        "training": {"epochs": arguments.epochs, "batch_size": 512, "patience": None, "device": "cpu"},
    }
    encoded = prepare_data(read_settings(table, where="worth_by_epoch").data)
    found = {
        "dataset": encoded.name,
        "note": NOTE,
        "settings": {"model": table["model"], "training": table["training"]},
        "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
        "machine": machine(),
        "versions": versions(),
        "seeds": [{"seed": seed, "epochs": measure(table, encoded, seed=seed)} for seed in arguments.seeds],
    }
    place = arguments.out / f"{encoded.name}.json"
    write_whole(place, json.dumps(found, indent=1) + "\n")
    for epoch in range(arguments.epochs):
        true, noise = ([seed["epochs"][epoch][part] for seed in found["seeds"]] for part in ("true", "noise"))
        print(f"epoch {epoch + 1}: mean z of {TRUE} {_mean(true):.1f}, of noise {_mean(noise):.1f}")
    print(place)


def measure(table: dict[str, Any], encoded: EncodedSet, *, seed: int) -> list[dict[str, Any]]:
    """For each epoch the z of the fields that decide and of those that do not, and the validation AUC after it."""
    settings = read_settings({**table, "training": {**table["training"], "seed": seed}}, where="worth_by_epoch")
    model = build_model(settings, encoded)
    steps = len(make_batches(settings, encoded, "train"))
    meters = [worth_meter(model, encoded.layout, seed=seed) for _ in range(settings.training.epochs)]
    seen = 0

    def watch(*batch: Any) -> None:
        nonlocal seen
        meters[seen // steps].observe(*batch)
        seen += 1

    _, aucs = train_aside(model, settings, encoded, watch=watch)
    return [
        {
            "true": [field.z for field in meter.result() if field.name.startswith(TRUE)],
            "noise": [field.z for field in meter.result() if not field.name.startswith(TRUE)],
            "valid_auc": auc,
        }
        for meter, auc in zip(meters, aucs, strict=True)
    ]


def _mean(parts: list[list[float]]) -> float:
    return statistics.fmean(np.concatenate(parts))


if __name__ == "__main__":
    main()
