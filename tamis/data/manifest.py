"""The manifest of an encoded set: written last, so that what it names is complete."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.config import read_config, write_config
from tamis.data.column_file import ColumnEntry
from tamis.data.source_files import SourceEntry
from tamis.errors import ConfigError, DataError
from tamis.features.atomic_file import write_atomically

FORMAT = 1
FILE = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class SplitEntry:
    """What the manifest says of one split: rows, positives a label, unseen values a field, and its files."""

    rows: int
    positives: dict[str, int]
    unseen: dict[str, int]
    columns: tuple[ColumnEntry, ...]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything there is to know of an encoded set without opening a column.

    ``folder`` names the data folder beside the manifest; ``fingerprint`` depends on the content alone: the
    same rows with the same schema and split give the same one, on any machine and whatever the files are
    called. ``source_columns`` are the types in which the reader of each given split ("" for a single source)
    saw its columns.
    """

    format: int = FORMAT
    tamis: str
    name: str
    folder: str
    fingerprint: str
    encoders: str
    encoded_at: str
    schema: dict[str, Any]
    split: dict[str, Any]
    split_description: str
    layout: dict[str, Any]
    splits: dict[str, SplitEntry]
    sources: tuple[SourceEntry, ...]
    source_columns: dict[str, dict[str, str]]

    def to_json(self) -> dict[str, Any]:
        """A table of plain values, the inverse of ``read_manifest``."""
        tables = {
            "schema": self.schema,
            "split": self.split,
            "layout": self.layout,
        }  # as they are, None and all
        return {**write_config(self), **tables}


def content_fingerprint(*, encoders: str, splits: dict[str, SplitEntry]) -> str:
    """The sha256 of everything that decides what a model sees; the schema is part of the encoders."""
    columns = {
        split_name: [(column.kind, column.field, column.dtype, column.shape, column.sha256) for column in entry.columns]
        for split_name, entry in splits.items()
    }
    content = [FORMAT, encoders, columns]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of ``folder`` in one step: a reader sees the old one or the new one."""
    write_atomically(folder / FILE, json.dumps(manifest.to_json(), indent=1).encode())


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an encoded set.

    Raises:
        DataError: there is none, it is damaged, or a newer tamis wrote it.
    """
    path = folder / FILE
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder} is not an encoded data set: it has no {FILE}. Make one with `tamis data prepare`."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged: {error}. Prepare the data set again with `--force`.") from None
    if isinstance(table, dict) and isinstance(table.get("format"), int) and table["format"] > FORMAT:
        raise DataError(
            f"{path} was written by tamis {table.get('tamis')} in format {table['format']}; this tamis reads "
            f"up to format {FORMAT}. Update tamis, or prepare the data set again with `--force`."
        )
    try:
        return read_config(Manifest, table, where=str(path))
    except (ConfigError, AttributeError, TypeError) as error:
        raise DataError(f"{path} is damaged: {error} Prepare the data set again with `--force`.") from None
