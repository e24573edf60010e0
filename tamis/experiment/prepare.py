"""From data settings to an encoded set: the recipe or the files, the schema, the split."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.config import suggest
from tamis.data import EncodedSet, Source, SplitSettings, make_splitter, open_source, prepare
from tamis.data.readers.joined import CarvedSource
from tamis.data.recipes import RECIPES, Recipe
from tamis.data.recipes.recipe import Rows
from tamis.errors import ConfigError
from tamis.experiment.settings import DataSettings
from tamis.features import Schema


@dataclass(frozen=True, kw_only=True)
class OpenedData:
    """What data settings stand for: rows, with their name, meaning and split."""

    name: str
    rows: Rows
    schema: Schema
    split: SplitSettings


def prepare_data(
    data: DataSettings,
    *,
    from_folder: Path | None = None,
    offline: bool = False,
    force: bool = False,
    report: Callable[[str, int, int | None], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> EncodedSet:
    """Get the rows, fit the encoders on the training rows, and write the encoded set; re-use it if nothing changed.

    ``report`` is told how many rows of a stage are done, ``say`` in whole sentences where the data are looked for.

    Raises:
        ConfigError: a field to change does not exist, or an option.
        DataError: the data cannot be had, or break a rule of the schema.
    """
    opened = open_data(data, from_folder=from_folder, offline=offline, say=say)
    place = f"{opened.name}-{make_splitter(opened.split).describe()}"
    return prepare(
        source=opened.rows,
        schema=opened.schema,
        split=opened.split,
        folder=Path(data.folder) if data.folder else Path(".tamis") / place,
        name=opened.name,
        force=force,
        progress=report,
    )


def open_data(
    data: DataSettings,
    *,
    from_folder: Path | None = None,
    offline: bool = False,
    say: Callable[[str], None] | None = None,
) -> OpenedData:
    """Find the rows, and settle their schema and split.

    Raises:
        ConfigError: a field to change does not exist, or an option.
        DataError: the data cannot be had.
    """
    if data.recipe is not None:
        recipe = _choose_options(RECIPES[data.recipe], data.options)
        name, schema = recipe.name, recipe.schema
        rows = recipe.open(from_folder=from_folder, offline=offline, report=say)
        split = data.split or recipe.split_of(rows)
    else:
        assert data.schema is not None
        schema = Schema.load(data.schema)
        if data.path is not None:
            name, split = Path(data.path).name.split(".")[0], data.split or SplitSettings()
            rows = open_source(Path(data.path), format=data.format)
        else:
            assert data.train is not None
            name = Path(data.train).name.split(".")[0]
            split = data.split or SplitSettings(kind="given")
            rows = _open_parts(data)
    return OpenedData(name=name, rows=rows, schema=_change_fields(schema, data), split=split)


def _choose_options(recipe: Recipe, options: dict[str, Any] | None) -> Recipe:
    if not options:
        return recipe
    if recipe.with_options is None:
        raise ConfigError(f"recipe {recipe.name!r} has no options; got {', '.join(options)}. Remove [data.options].")
    return recipe.with_options(options, where="[data.options]")


def _open_parts(data: DataSettings) -> dict[str, Source]:
    """A source for each given file; without a file for validation, a random share of the training rows."""
    files = {"train": data.train, "valid": data.valid, "test": data.test}
    parts: dict[str, Source] = {
        part: open_source(Path(file), format=data.format) for part, file in files.items() if file is not None
    }
    if "valid" not in parts:
        whole = parts["train"]
        for part in ("train", "valid"):
            name = f"{whole.name} ({part})"
            parts[part] = CarvedSource(whole, name=name, fraction=data.valid_fraction, is_share=part == "valid")
    return parts


def _change_fields(schema: Schema, data: DataSettings) -> Schema:
    table = schema.to_table()
    by_name = {field["name"]: field for field in table["field"]}
    for name, changes in (data.fields or {}).items():
        if name not in by_name:
            raise ConfigError(f"[data.fields] names no field of the schema: {name!r}. {suggest(name, by_name)}")
        by_name[name].update(changes)
    return dataclasses.replace(schema, fields=Schema.from_table(table).fields)
