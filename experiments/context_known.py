"""Where a context decides which fields count: what would it be worth to be told which?

    python experiments/context_known.py                 writes results/context/planted-context.json

Each model is trained on planted logs twice: as they are, and with every field that does not count in a row's context
set to one value there, as a perfect filter would. That cannot be had in life; it bounds what any choice of fields by
context can gain. Every log is another draw of the truth; validation chooses the epoch, the test rows are read once.
What is done stands in the file, and is not done again.
"""

import argparse
import itertools
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamis.data import FrameSource, SplitSettings, prepare
from tamis.data.readers.planted import CHANCE, PlantedSource, planted_schema
from tamis.data.recipes import RECIPES
from tamis.experiment import read_settings, run_experiment
from tamis.features import Schema
from tamis.metrics import BayesBound
from tamis.record import command_line, machine, versions, write_whole

RECIPE, CONTEXT, NOTHING = "planted-context", "context", -1
MODELS = {
    "mlp": {"name": "mlp", "dim": 8, "hidden": [450, 450], "input_dropout": 0.2},
    "gdcn": {"name": "gdcn", "dim": 8, "num_crosses": 2, "hidden": [288, 288], "input_dropout": 0.2},
    "ssr_s": {
        "name": "ssr_s",
        "preset": "paper",
        "dim": 8,
        "views": [16, 16],
        "widths": [96, 96],
        "input_dropout": 0.2,
    },
    "ssr_d": {"name": "ssr_d", "preset": "paper", "dim": 8, "views": [8, 8], "widths": [96, 96], "input_dropout": 0.2},
}
"""Some 300,000 dense parameters each; the settings are not tuned."""
TRAINING = {
    "epochs": 10,
    "patience": 1,
    "batch_size": 2048,
    "tables": {"learning_rate": 0.05},
    "compile": "off",
    "device": "cpu",
}
SPLIT = SplitSettings(fractions=(0.5, 0.1, 0.4))


def main() -> None:
    """Run every model on every truth and size, with and without the knowledge, and write one JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truths", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="seeds of the planted log")
    parser.add_argument("--rows", type=int, nargs="+", default=[30_000, 100_000, 300_000])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "context")
    arguments = parser.parse_args()
    place = arguments.out / f"{RECIPE}.json"
    settings = {"models": MODELS, "training": TRAINING, "split": list(SPLIT.fractions)}
    logs = _done(place, settings)
    for rows, truth in itertools.product(arguments.rows, arguments.truths):
        if any((log["rows"], log["truth"]) == (rows, truth) for log in logs):
            continue
        logs.append({"rows": rows, "truth": truth, **measure(rows=rows, truth=truth)})
        found = {
            "dataset": RECIPE,
            "settings": settings,
            "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
            "machine": machine(),
            "versions": versions(),
            "logs": logs,
        }
        write_whole(place, json.dumps(found, indent=1) + "\n")
        for model, auc in logs[-1]["models"].items():
            print(f"{rows:,} rows, truth {truth}, {model}: {auc['as_it_is']:.4f}, fields known {auc['known']:.4f}")
    print(place)


def measure(*, rows: int, truth: int) -> dict[str, Any]:
    """The test AUC of every model on one log, without and with the knowledge, and that of the true chances."""
    planted = RECIPES[RECIPE].open()
    assert isinstance(planted, PlantedSource)
    source = PlantedSource(replace(planted.settings, rows=rows, seed=truth, with_chance=True))
    log = source.head(rows)
    bound = BayesBound()
    bound.update(log[CHANCE].to_numpy())
    arms = {"as_it_is": log.drop(CHANCE), "known": only_what_counts(log.drop(CHANCE), source)}
    schema = planted_schema(planted.settings)
    return {
        "bayes_auc": bound.compute()["auc"],
        "models": {
            name: {arm: _test_auc(model, arm_log, schema, seed=truth) for arm, arm_log in arms.items()}
            for name, model in MODELS.items()
        },
    }


def only_what_counts(log: pl.DataFrame, source: PlantedSource) -> pl.DataFrame:
    """The log with one value in place of every value that does not count in the context of its row."""
    counts: dict[str, np.ndarray] = {}
    for group in source.truth.groups:
        contexts = 0 if group.context is None else log[group.context].to_numpy()
        for effect, weights in zip(group.effects, group.weights.T, strict=True):
            for field in effect.names:
                counts[field] = counts.get(field, False) | (weights[contexts] > 0)
    fields = [name for name in source.settings.columns if name != CONTEXT]
    nowhere = np.zeros(len(log), dtype=bool)
    return log.with_columns(
        pl.Series(name, np.where(counts.get(name, nowhere), log[name].to_numpy(), NOTHING)) for name in fields
    )


def _test_auc(model: dict[str, Any], log: pl.DataFrame, schema: Schema, *, seed: int) -> float:
    """Train on one log, and score its test rows once with the weights that validation chose."""
    table = {"data": {"recipe": RECIPE}, "model": model, "training": {**TRAINING, "seed": seed}}
    settings = read_settings(table, where="context_known")
    with tempfile.TemporaryDirectory() as folder:
        encoded = prepare(source=FrameSource(log), schema=schema, split=SPLIT, folder=Path(folder) / "data")
        record = run_experiment(settings, encoded, folder=Path(folder) / "run", command="context_known")
    assert record is not None and record.test["auc"] is not None
    return record.test["auc"]


def _done(place: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The logs that an earlier start with the same settings has measured."""
    found = json.loads(place.read_text()) if place.exists() else {}
    return found["logs"] if found.get("settings") == json.loads(json.dumps(settings)) else []


if __name__ == "__main__":
    main()
