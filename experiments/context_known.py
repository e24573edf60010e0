"""Where a context decides which fields count: what would it be worth to be told which?

    python experiments/context_known.py                 writes results/context/planted-context.json

Each model is trained on planted logs three times: as they are; with every field that does not count in a row's context
set to one value there, as a perfect filter would; and the same with the fields that ``measure_context_worth`` finds on
the training rows. The second cannot be had in life, and bounds what a choice of fields by context can gain; the third
can. Every log is another draw of the truth; validation chooses the epoch, the test rows are read once. Started again,
it goes on with the log where it was.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from one_by_one import run_one_by_one

from tamis.analysis import measure_context_worth, measure_interactions
from tamis.data import SPLIT_NAMES, FrameSource, SplitSettings, make_splitter, prepare
from tamis.data.readers.planted import CHANCE, PlantedSource, planted_schema
from tamis.data.recipes import RECIPES
from tamis.experiment import read_settings, run_experiment
from tamis.features import Schema
from tamis.metrics import BayesBound

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
    settings = {"models": MODELS, "training": TRAINING, "split": SPLIT.fractions}
    logs = [{"rows": rows, "truth": truth} for rows, truth in itertools.product(arguments.rows, arguments.truths)]
    facts = {"dataset": RECIPE, "settings": settings}
    run_one_by_one(arguments.out / f"{RECIPE}.json", facts, logs, measure, called="logs")


def measure(log: Mapping[str, Any]) -> dict[str, Any]:
    """What can be known of a log without a model, and the test AUC of every model in every arm."""
    planted = RECIPES[RECIPE].open()
    assert isinstance(planted, PlantedSource)
    source = PlantedSource(replace(planted.settings, rows=log["rows"], seed=log["truth"], with_chance=True))
    rows, schema = source.head(log["rows"]), planted_schema(planted.settings)
    bound = BayesBound()
    bound.update(rows[CHANCE].to_numpy())
    rows = rows.drop(CHANCE)
    known, (context, found) = true_counts(source), found_counts(rows, schema)
    logs = dict(zip(ARMS, (rows, only_what_counts(rows, known), only_what_counts(rows, found)), strict=True))
    return {
        "bayes_auc": bound.compute()["auc"],
        "context_found": context,
        "fields": {
            "known": int(known.sum()),
            "found": int(found.sum()),
            "found_and_known": int((found & known).sum()),
        },
        "models": {
            name: {arm: _test_auc(model, logs[arm], schema, seed=log["truth"]) for arm in ARMS}
            for name, model in MODELS.items()
        },
    }


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


if __name__ == "__main__":
    main()
