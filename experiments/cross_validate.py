"""Choose settings by cross-validation over the training parts of a data set; the test part stays unread.

    python experiments/cross_validate.py criteo-60k/folds/first.toml --models ssr_d mlp --trials 12 --from FOLDER

For sets whose validation part is too small to choose anything. A trial trains as many times as there are folds, each
time validating on the fold left out, and keeps the mean validation AUC after every epoch: the choice is a line of
settings *and* a number of epochs. Trial 0 is the experiment file as it stands; the others draw from the choices of the
search file, by a fixed seed, the same number for every model. What is in ``results/tuning/`` already is not run again,
and where the search, the experiment or the data are others by now, nothing is run.
"""

import argparse
import dataclasses
import json
import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from train_aside import train_aside

from tamis.config import read_toml
from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, build_model, load_settings, prepare_data, read_settings
from tamis.record import write_whole

HERE = Path(__file__).parent
TUNING = HERE.parent / "results" / "tuning"
RUNS = HERE.parent / "runs" / "folds"
MOST_TIMES_LONGER = 4
NOTE = "Mean validation AUC over the folds after each epoch, seed 0; rows of the test part were not read."


def main() -> None:
    """Run the trials that are asked for and not yet there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search", help="search file, below experiments/")
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="folds trained side by side")
    parser.add_argument("--from", dest="data", type=Path, help="folder of the data set, as for tamis train")
    arguments = parser.parse_args()
    search = HERE / arguments.search
    # One thread a fold, and threads that wait asleep: two that spin for one core take ten times as long.
    os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0")
    with ProcessPoolExecutor(arguments.processes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for model in arguments.models:
            run_trials(search, model, arguments.trials, arguments.data, pool)


def run_trials(search: Path, model: str, number: int, data: Path | None, pool: ProcessPoolExecutor) -> None:
    """All trials of one model, each kept once it has ended; one that still rises at its end runs twice as long."""
    table, experiments = read_toml(search), search.parent.parent
    dataset, folds = experiments.name, table["folds"]
    place = TUNING / f"{dataset}-folds-{search.stem}-{model}.json"
    trials: list[dict[str, Any]] = json.loads(place.read_text())["trials"] if place.exists() else []
    left_out, drawn = range(len(folds["values"])), draw(table, model, number)
    first = [f"training.epochs={table['epochs']}"]
    asked = [load_settings(experiments / f"{model}.toml", [*first, *overrides]) for overrides in drawn]
    fingerprints = list(pool.map(fingerprint, repeat(asked[0]), repeat(folds), left_out, repeat(data)))
    for index, (trial, settings) in enumerate(zip(trials, asked, strict=False)):
        if trial.get("fingerprints") != fingerprints or not settings.is_recorded_as(trial.get("asked", {})):
            sys.exit(
                f"{place} may only be added to by the same search, experiment and data; its trial {index} is of "
                "others, or does not say of which. Move the file away to run all trials anew."
            )
    for index, (overrides, settings) in enumerate(zip(drawn, asked, strict=True)):
        before = trials[index]["by_epoch"] if index < len(trials) else []
        epochs = 2 * len(before) if still_rises(before) else table["epochs"]
        while not before or (still_rises(before) and epochs <= MOST_TIMES_LONGER * table["epochs"]):
            longer = dataclasses.replace(settings, training=dataclasses.replace(settings.training, epochs=epochs))
            by_fold = list(pool.map(validate_fold, repeat(longer), repeat(folds), left_out, repeat(data)))
            before = [round(sum(values) / len(values), 5) for values in zip(*by_fold, strict=True)]
            best = before.index(max(before))
            trial = {
                "model": model,
                "settings": settings.to_table()["model"],
                "asked": settings.to_table(),
                "fingerprints": fingerprints,
                "valid_auc": before[best],
                "best_epoch": best + 1,
                "by_epoch": before,
                "by_fold": [round(values[best], 5) for values in by_fold],
            }
            trials[index : index + 1] = [trial]
            write_whole(place, json.dumps({"dataset": dataset, "note": NOTE, "trials": trials}, indent=1) + "\n")
            print(f"{model} {index}: {before[best]:.4f} after {best + 1} epochs  {' '.join(overrides)}", flush=True)
            epochs *= 2


def still_rises(by_epoch: list[float]) -> bool:
    """Whether the last epoch was the best."""
    return bool(by_epoch) and by_epoch[-1] == max(by_epoch)


def draw(table: dict[str, Any], model: str, number: int) -> list[list[str]]:
    """The overrides of each trial: none at first, then one draw from every choice."""
    choices = {**table["every"], **table.get(model, {})}
    source = random.Random(f"{table['seed']} {model}")
    drawn = [[f"{name}={json.dumps(source.choice(values))}" for name, values in choices.items()] for _ in range(number)]
    return [[], *drawn][:number]


def validate_fold(settings: ExperimentSettings, folds: dict[str, Any], left_out: int, data: Path | None) -> list[float]:
    """The validation AUC after every epoch, trained without one fold and validated on it."""
    encoded = encode_fold(settings, folds, left_out, data)
    training = dataclasses.replace(settings.training, evaluations_per_epoch=1, patience=None)
    return train_aside(build_model(settings, encoded), dataclasses.replace(settings, training=training), encoded)[1]


def fingerprint(settings: ExperimentSettings, folds: dict[str, Any], left_out: int, data: Path | None) -> str:
    """What the rows of one fold and of the others are known by."""
    return encode_fold(settings, folds, left_out, data).fingerprint


def encode_fold(settings: ExperimentSettings, folds: dict[str, Any], left_out: int, data: Path | None) -> EncodedSet:
    """The encoded set whose validation rows are one fold and whose training rows are the others."""
    values = folds["values"]
    split = {
        "kind": "column",
        "column": folds["column"],
        "train": [value for value in values if value != values[left_out]],
        "valid": [values[left_out]],
    }
    table = settings.to_table()
    table["data"].update(split=split, folder=str(RUNS / f"{settings.data.recipe}-{left_out}"))
    return prepare_data(read_settings(table, where="fold").data, from_folder=data)


if __name__ == "__main__":
    main()
