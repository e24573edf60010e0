"""Where a context decides which fields count: what would it be worth to be told which?

    python experiments/context_known.py                 writes results/context/planted-context.json

Each model is trained on planted logs three times: as they are; with every field that does not count in a row's context
set to one value there, as a perfect filter would; and the same with the fields that ``measure_context_worth`` finds on
the training rows. The second cannot be had in life, and bounds what a choice of fields by context can gain; the third
can. Every log is another draw of the truth; validation chooses the epoch, the test rows are read once. What is done
stands in the file, and is not done again.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamis.analysis import measure_context_worth, measure_interactions
from tamis.data import SPLIT_NAMES, FrameSource, SplitSettings, make_splitter, prepare
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
ARMS: tuple[str, ...] = ("as_it_is", "known", "found")
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
        log = next((log for log in logs if (log["rows"], log["truth"]) == (rows, truth)), None)
        if log is None:
            logs.append(log := {"rows": rows, "truth": truth, "models": {model: {} for model in MODELS}})
        for _ in measure(log):  # written after each one, so that a kill loses one at most
            found = {
                "dataset": RECIPE,
                "settings": settings,
                "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
                "machine": machine(),
                "versions": versions(),
                "logs": logs,
            }
            write_whole(place, json.dumps(found, indent=1) + "\n")
        for model, aucs in log["models"].items():
            shown = ", ".join(f"{arm} {auc:.4f}" for arm, auc in aucs.items())
            print(f"{rows:,} rows, truth {truth}, {model}: {shown}")
    print(place)


def measure(log: dict[str, Any]) -> Iterator[None]:
    """Add to ``log`` what can be known of it without a model, then the test AUCs that it does not have, one a step."""
    missing = [(model, arm) for model, arm in itertools.product(MODELS, ARMS) if arm not in log["models"][model]]
    if not missing and "context_found" in log:
        return
    planted = RECIPES[RECIPE].open()
    assert isinstance(planted, PlantedSource)
    source = PlantedSource(replace(planted.settings, rows=log["rows"], seed=log["truth"], with_chance=True))
    rows, schema = source.head(log["rows"]), planted_schema(planted.settings)
    bound = BayesBound()
    bound.update(rows[CHANCE].to_numpy())
    rows = rows.drop(CHANCE)
    known, (context, found) = true_counts(source), found_counts(rows, schema)
    logs = dict(zip(ARMS, (rows, only_what_counts(rows, known), only_what_counts(rows, found)), strict=True))
    log |= {
        "bayes_auc": bound.compute()["auc"],
        "context_found": context,
        "fields": {
            "known": int(known.sum()),
            "found": int(found.sum()),
            "found_and_known": int((found & known).sum()),
        },
    }
    yield
    for model, arm in missing:
        log["models"][model][arm] = _test_auc(MODELS[model], logs[arm], schema, seed=log["truth"])
        yield


def true_counts(source: PlantedSource) -> np.ndarray:
    """Which fields decide in which context, ``(contexts, fields)``, fields in the order of ``_fields``."""
    names = _fields(source.settings.columns)
    counts = np.zeros((sum(source.settings.columns[CONTEXT].blocks), len(names)), dtype=bool)
    for group in source.truth.groups:
        for effect, weights in zip(group.effects, group.weights.T, strict=True):
            for name in effect.names:  # the last row of weights is that of a context that is missing
                counts[:, names.index(name)] |= weights[0] > 0 if group.context is None else weights[:-1] > 0
    return counts


def found_counts(rows: pl.DataFrame, schema: Schema) -> tuple[str | None, np.ndarray]:
    """Which field is found to decide about others, and, beside the true one, which are found to count in which context.

    On the training rows alone. The second is as ``true_counts``.
    """
    splitter = make_splitter(SPLIT)
    splitter.prepare(FrameSource(rows), schema)
    rows = rows.filter(pl.Series(splitter.assign(rows, 0) == SPLIT_NAMES.index("train")))
    fields, labels = {name: rows[name].to_numpy() for name in _fields(rows.columns)}, rows["click"].to_numpy()
    everything = {CONTEXT: rows[CONTEXT].to_numpy(), **fields}
    context = measure_interactions(everything, labels).strongest(among=everything)
    return context, measure_context_worth(everything[CONTEXT], fields, labels).counts


def only_what_counts(rows: pl.DataFrame, counts: np.ndarray) -> pl.DataFrame:
    """The log with one value in place of every value that does not count in the context of its row."""
    contexts = rows[CONTEXT].to_numpy()
    return rows.with_columns(
        pl.Series(name, np.where(column[contexts], rows[name].to_numpy(), NOTHING))
        for name, column in zip(_fields(rows.columns), counts.T, strict=True)
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


def _fields(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name.startswith("field")]


def _done(place: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The logs that an earlier start with the same settings has measured."""
    found = json.loads(place.read_text()) if place.exists() else {}
    return found["logs"] if found.get("settings") == json.loads(json.dumps(settings)) else []


if __name__ == "__main__":
    main()
