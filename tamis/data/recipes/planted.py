"""Planted logs by name: made up on the fly, with the true click chance of every row known."""

import hashlib
from collections.abc import Mapping
from typing import Any

import tomli_w

from tamis.config import read_config, write_config
from tamis.data.readers.planted import (
    PlantedField,
    PlantedInteraction,
    PlantedSettings,
    PlantedSource,
    open_planted,
    planted_schema,
)
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference
from tamis.features.atomic_file import write_atomically


def planted_recipe(
    name: str, title: str, settings: PlantedSettings, *, references: tuple[Reference, ...] = ()
) -> Recipe:
    """A recipe whose rows are made from ``settings``; its options are those settings."""

    def fetch(places: Places) -> PlantedSource:
        return _open(name, settings, places)

    def with_options(options: Mapping[str, Any], *, where: str) -> Recipe:
        table = {**write_config(settings), **options}
        changed = read_config(PlantedSettings, table, where=where)
        return planted_recipe(f"{name}-{_describe(options, changed)}", title, changed)

    return Recipe(
        name=name,
        title=title,
        licence="none needed: no row comes from anybody",
        citation="none: docs/planted.md says how the rows are made up",
        where="made up by tamis",
        schema=planted_schema(settings),
        fetch=fetch,
        with_options=with_options,
        references=references,
    )


def _open(name: str, settings: PlantedSettings, places: Places) -> PlantedSource:
    """The log, by way of a file of its settings: what an encoded set and a record can name and check."""
    path, content = places.cache / "planted" / f"{name}-{_checksum(settings)}.planted", _as_toml(settings)
    if not (path.exists() and path.read_bytes() == content):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    places.report(f"{name}: {settings.rows:,} rows made up by the settings in {path}.")
    return open_planted(path)


def _describe(options: Mapping[str, Any], settings: PlantedSettings) -> str:
    """``rows-5000-seed-1`` where the options are single numbers, else a checksum of all settings."""
    if all(isinstance(value, int | float) for value in options.values()):
        return "-".join(f"{key}-{value}".replace("_", "-").lower() for key, value in sorted(options.items()))
    return _checksum(settings)


def _checksum(settings: PlantedSettings) -> str:
    return hashlib.sha256(_as_toml(settings)).hexdigest()[:8]


def _as_toml(settings: PlantedSettings) -> bytes:
    return tomli_w.dumps(write_config(settings)).encode()


def _bayes(auc: float, log_loss: float) -> tuple[Reference, ...]:
    protocol = "expected over the labels of all rows, with the settings as they are"
    return (
        Reference(
            model="the true chances", protocol=protocol, auc=auc, log_loss=log_loss, source="tamis.metrics.BayesBound"
        ),
    )


_SIGNAL = PlantedField(name="signal", size=50, copies=6)
_NOISE = PlantedField(name="noise", size=300, copies=54)
_ALL_39 = ("number", "tiny", "small", "middle", "large")

PLANTED = RECIPES.add(
    "planted",
    planted_recipe(
        "planted",
        "Eight fields, their effects and pairs of them: easy, and a base for settings of one's own",
        PlantedSettings(
            fields=(PlantedField(name="field", size=30, copies=8),),
            interactions=(
                PlantedInteraction(fields=("field",)),
                PlantedInteraction(fields=("field",), order=2, count=4),
            ),
        ),
        references=_bayes(0.8106, 0.3918),
    ),
)

PLANTED_SPARSE = RECIPES.add(
    "planted-sparse",
    planted_recipe(
        "planted-sparse",
        "Six fields that matter, by themselves and in pairs and threes, among 54 that do not",
        PlantedSettings(
            rows=200_000,
            fields=(_SIGNAL, _NOISE),
            interactions=(
                PlantedInteraction(fields=("signal",)),
                PlantedInteraction(fields=("signal",), order=2, count=4, rank=2),
                PlantedInteraction(fields=("signal",), order=3, count=2, scale=0.7),
            ),
        ),
        references=_bayes(0.8269, 0.3756),
    ),
)

PLANTED_CONTEXT = RECIPES.add(
    "planted-context",
    planted_recipe(
        "planted-context",
        "A context that decides which 3 of 24 fields, and which 3 of 24 pairs, matter in a row",
        PlantedSettings(
            rows=200_000,
            fields=(
                PlantedField(name="context", size=8, exponent=0.5),
                PlantedField(name="field", size=30, copies=24),
            ),
            interactions=(
                PlantedInteraction(fields=("field",), context="context", active=3, scale=1.5),
                PlantedInteraction(fields=("field",), order=2, count=24, context="context", active=3, scale=0.7),
            ),
        ),
        references=_bayes(0.8342, 0.3723),
    ),
)

PLANTED_NULL = RECIPES.add(
    "planted-null",
    planted_recipe(
        "planted-null",
        "The fields of planted-sparse, and clicks that no field decides: no model can beat an AUC of 1/2",
        PlantedSettings(rows=200_000, fields=(_SIGNAL, _NOISE)),
        references=_bayes(0.5, 0.5004),
    ),
)

PLANTED_39 = RECIPES.add(
    "planted-39",
    planted_recipe(
        "planted-39",
        "The shape of Criteo: 13 numbers and 26 categories of up to 30,000 ids, 60 pairs and 30 threes; for scaling",
        PlantedSettings(
            rows=1_000_000,
            fields=(
                PlantedField(name="number", kind="numeric", size=30, copies=13, missing=0.1),
                PlantedField(name="tiny", size=30, copies=8),
                PlantedField(name="small", size=300, copies=8),
                PlantedField(name="middle", size=3_000, copies=6, missing=0.1),
                PlantedField(name="large", size=30_000, copies=4),
            ),
            interactions=(
                PlantedInteraction(fields=_ALL_39, scale=0.9),
                PlantedInteraction(fields=_ALL_39, order=2, count=60, rank=2, scale=0.9),
                PlantedInteraction(fields=_ALL_39, order=3, count=30, scale=0.6),
            ),
        ),
        references=_bayes(0.8003, 0.3986),
    ),
)
