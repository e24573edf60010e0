"""Studies that take seconds, as tables."""

import subprocess
import sys

from tamis.study import compare, prepare_study, read_study

TRAINING = {
    "epochs": 2,
    "batch_size": 256,
    "device": "cpu",
    "tables": {"learning_rate": 0.1},
    "dense": {"learning_rate": 0.01},
}
SEARCH = {"training.dense.learning_rate": {"log": [1e-3, 1e-1]}, "model.dropout": {"choices": [0.0, 0.3]}}


def study_of(data, models, *, training=None, **study):
    """A study's table; a model is given by label and settings."""
    return {
        "study": {"name": "tiny", "seeds": [0, 1], "bootstrap_draws": 50, **study},
        "data": data,
        "training": {**TRAINING, **(training or {})},
        "model": models,
    }


def mlp(label="mlp", **block):
    return {"name": "mlp", "label": label, "settings": {"dim": 4, "hidden": [8]}, **block}


def run(table, folder, *, name="runs", **options):
    study = read_study(table, where="study.toml")
    encoded = prepare_study(study)
    return compare(study, encoded, runs=folder / name, results=folder / "results", **options)


def judge_again(verb, folder):
    """Verdicts from the scores alone, of the runs in ``whole`` into ``again.json``, by the command."""
    words = [verb, folder / "study.toml", "--judge", "--runs", folder / "whole", "--out", folder / "again.json"]
    subprocess.run([sys.executable, "-m", "tamis", *map(str, words)], check=True, capture_output=True)


def trial_files(folder):
    return sorted(folder.rglob("trial.json"))


def all_ran(contest):
    return not any(line["failed"] or line["failed_trials"] for line in contest["ranking"])
