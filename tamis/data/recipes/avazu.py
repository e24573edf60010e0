"""Avazu's log of mobile advertisements: ten days of clicks in October 2014, categories only."""

import dataclasses
from pathlib import Path

from tamis.data.readers.avazu import AvazuSource
from tamis.data.recipes.folders import find_file, find_parts, named_folder
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference, Rows
from tamis.errors import DataError
from tamis.features.schema import Field, Kind, Schema

MIN_COUNT = 2
"""Categories seen once in training share the unknown id, as in the benchmarks called Avazu_x4_001."""

_CATEGORIES = (
    *("hour_of_day", "weekday", "C1", "banner_pos", "site_id", "site_domain", "site_category"),
    *("app_id", "app_domain", "app_category", "device_id", "device_ip", "device_model", "device_type"),
    *("device_conn_type", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21"),
)
_WAY_OUT = (
    "Accept the rules of the Kaggle competition avazu-ctr-prediction, download its train.gz, and name the "
    "folder that "
    "holds it with --from"
)


def _given_parts(folder: Path, places: Places, name: str) -> Rows | None:
    """Three files that somebody else has split, if they are there."""
    # The competition's own test file has no clicks, and so a folder with three parts is told by its
    # validation part.
    parts = find_parts(folder, {"train": "train.csv", "valid": "dev.csv", "test": "test.csv"})
    if not parts:
        return None
    places.report(f"{name}: taken from {folder}, with its own parts for training, validation and test.")
    return {part: AvazuSource(path, name=f"{name} {part}") for part, path in parts.items()}


def _fetch(places: Places) -> Rows:
    folder = named_folder(places, "avazu", _WAY_OUT)
    if parts := _given_parts(folder, places, "avazu"):
        return parts
    if path := find_file(folder, "train.csv", "train"):
        places.report(f"avazu: taken from {path}.")
        return AvazuSource(path, name="avazu")
    raise DataError(f"{folder}: holds neither train.gz or train.csv, nor train, dev and test as .csv. {_WAY_OUT}.")


def _fetch_9k(places: Places) -> Rows:
    way_out = "Name the folder that holds train.csv.gz, dev.csv.gz and test.csv.gz of the sample with --from"
    folder = named_folder(places, "avazu-9k", way_out)
    if parts := _given_parts(folder, places, "avazu-9k"):
        return parts
    raise DataError(f"{folder}: holds no train, dev and test as .csv. {way_out}.")


AVAZU = RECIPES.add(
    "avazu",
    Recipe(
        name="avazu",
        title="Avazu Click-Through Rate Prediction",
        licence=("Rules of the Kaggle competition: use for the competition and for research; no redistribution."),
        citation="Steve Wang and Will Cukierski. 2014. Click-Through Rate Prediction. Kaggle.",
        where="https://www.kaggle.com/competitions/avazu-ctr-prediction",
        schema=Schema(
            fields=(
                *(Field(name=name, kind=Kind.CATEGORICAL, min_count=MIN_COUNT) for name in _CATEGORIES),
                Field(name="label", kind=Kind.LABEL, column="click"),
                Field(name="time", kind=Kind.TIME),
            )
        ),
        fetch=_fetch,
        references=(
            Reference(
                model="DNN",
                protocol=("Avazu_x4_001: random 8:1:1 of all 40 million rows, one split; ours draws other rows"),
                auc=0.7928,
                log_loss=0.3722,
                source="BARS leaderboard (Zhu et al. 2022)",
            ),
            Reference(
                model="DCNv2",
                protocol=("Avazu_x4_001: random 8:1:1 of all 40 million rows, one split; ours draws other rows"),
                auc=0.79315,
                log_loss=0.37187,
                source="BARS leaderboard (Zhu et al. 2022)",
            ),
        ),
    ),
)

AVAZU_9K = RECIPES.add(
    "avazu-9k",
    dataclasses.replace(
        AVAZU,
        name="avazu-9k",
        title="Avazu, 8,999 rows of one hour",
        fetch=_fetch_9k,
        checksums={
            "train.csv.gz of 8,087 rows": "08dc765e89f615bd07a280c3f0d58178850c018cc43a34382d4e550e1960f6cb",
            "dev.csv.gz of 480 rows": "ce911f1b9e1f89b9858e8af7487e000bd8a2118d437ef3df924a840ffe8f4487",
            "test.csv.gz of 432 rows": "58286e679b003d96b914d4ab047a22d385e8f01ba2f3ced8c36e119fae4825ec",
        },
        references=(
            Reference(
                model="logistic regression",
                protocol="8,999 raw rows of one hour, train to dev + test, without device_id and device_ip",
                auc=0.718,
                log_loss=0.433,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)
