"""An encoded data set as it lies on the disk: memory-mapped columns, told apart by split."""

import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tamis.data.column_file import ColumnEntry, open_column, release
from tamis.data.manifest import FILE, Manifest, read_manifest
from tamis.data.source_files import check_unchanged
from tamis.errors import CheckpointError, ConfigError, DataError
from tamis.features import Context, Encoders, Layout, ListColumn, Schema

ENCODERS = "encoders"


@dataclass(frozen=True, kw_only=True)
class EncodedSplit:
    """The columns of one split; the same parts as an ``EncodedChunk``, in narrower types and not in memory.

    Shape:
        - ids: ``(rows,)`` a field, unsigned 8 or 16 bit or signed 32 bit, whichever holds its table
        - lists: values and offsets ``(rows + 1,)`` a field
        - dense: ``(rows, width)`` float32 a field
        - labels: ``(rows,)`` a task; weights, groups, times: ``(rows,)`` or None
    """

    name: str
    rows: int
    ids: dict[str, np.ndarray] = field(default_factory=dict)
    lists: dict[str, ListColumn] = field(default_factory=dict)
    dense: dict[str, np.ndarray] = field(default_factory=dict)
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    times: np.ndarray | None = None

    def release(self) -> None:
        """Give the memory of pages already read back to the system; reading them again is allowed."""
        for column in self._columns():
            release(column)

    def _columns(self) -> Iterator[np.ndarray]:
        yield from (*self.ids.values(), *self.dense.values(), *self.labels.values())
        for column in self.lists.values():
            yield from (column.values, column.offsets)
        yield from (column for column in (self.weights, self.groups, self.times) if column is not None)


class EncodedSet:
    """An encoded data set on disk, made by ``prepare`` and opened with ``EncodedSet.open``."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.layout = Layout.from_json(manifest.layout)
        self._splits: dict[str, EncodedSplit] = {}

    @classmethod
    def open(cls, folder: Path | str, *, verify: bool = False, splits: Collection[str] | None = None) -> "EncodedSet":
        """Open the data set in ``folder``: every file must be there in its size, every id inside its table.

        ``verify`` also reads every column and compares its checksum. With ``splits``, the files of the others are not
        opened, and the set is as if it had none: whoever must not see the test rows cannot.

        Raises:
            DataError: there is no data set, a newer tamis wrote it, or a file is missing or damaged.
        """
        folder = Path(folder)
        opened = cls(folder, read_manifest(folder))
        for name, entry in opened.manifest.splits.items():
            if splits is not None and name not in splits:
                continue
            for column in entry.columns:
                opened._check_largest(column)
            opened._splits[name] = opened._open_split(name, verify=verify)
        if verify:
            opened._verify_encoders()
        return opened

    @property
    def fingerprint(self) -> str:
        """The checksum of the content: schema, split, encoders and every column; not what only models read."""
        return self.manifest.fingerprint

    @property
    def name(self) -> str:
        """What the data set is called in records and reports."""
        return self.manifest.name

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits there are: ``train``, ``valid`` and, unless none was asked for, ``test``."""
        return tuple(self._splits)

    @cached_property
    def schema(self) -> Schema:
        """What the columns of the source mean."""
        return Schema.from_table(self.manifest.schema)

    @cached_property
    def encoders(self) -> Encoders:
        """The fitted encoders, with which other rows are encoded for scoring.

        Raises:
            DataError: their files are missing or damaged.
        """
        try:
            return Encoders.load(self.folder / self.manifest.folder / ENCODERS).under(self.schema)
        except (CheckpointError, ConfigError) as error:
            raise DataError(f"{error} Prepare the data set again with `--force`.") from None

    def only(self, features: Collection[str]) -> "EncodedSet":
        """The same rows with some of their features: the files stay as they are, the columns of the others unread.

        Asked for all of them, it is this set itself, and the encoders are not read.

        Raises:
            ConfigError: the set has no such feature.
        """
        if set(features) == set(self.layout.field_names):
            return self
        chosen = copy.copy(self)
        chosen.encoders = self.encoders.only(features)
        chosen.schema, chosen.layout = chosen.encoders.schema, chosen.encoders.layout
        return chosen

    def in_context(self, context: Context) -> "EncodedSet":
        """The same rows for a model that leaves fields out where ``context`` says so; the files stay as they are."""
        chosen = copy.copy(self)
        chosen.layout = replace(self.layout, context=context)
        return chosen

    def rows(self, split: str) -> int:
        """The number of rows of a split."""
        return self.split(split).rows

    def base_rates(self, split: str) -> tuple[float, ...]:
        """The share of positives of each task among the rows of a split."""
        entry = self.manifest.splits[split]
        return tuple(entry.positives[task] / entry.rows for task in self.layout.tasks)

    def split(self, name: str) -> EncodedSplit:
        """The columns of a split.

        Raises:
            DataError: the data set has no such split.
        """
        if name not in self._splits:
            raise DataError(f"{self.folder} has no split {name!r}; it has {', '.join(self._splits)}.")
        return self._splits[name]

    def check_sources(self) -> None:
        """Compare the source files, where they still exist, with what they were when they were encoded.

        Raises:
            DataError: a source file has another content now.
        """
        check_unchanged(self.manifest.sources)

    def _open_split(self, name: str, *, verify: bool) -> EncodedSplit:
        entry = self.manifest.splits[name]
        folder = self.folder / self.manifest.folder
        columns = {(column.kind, column.field): open_column(folder, column, verify=verify) for column in entry.columns}

        def by_field(kind: str) -> dict[str, np.ndarray]:
            return {field: column for (found, field), column in columns.items() if found == kind}

        offsets = by_field("list_offsets")
        values = by_field("list_values")
        return EncodedSplit(
            name=name,
            rows=entry.rows,
            ids=by_field("ids"),
            lists={field: ListColumn(values=values[field], offsets=offsets[field]) for field in offsets},
            dense=by_field("dense"),
            labels=by_field("labels"),
            weights=columns.get(("weights", "")),
            groups=columns.get(("groups", "")),
            times=columns.get(("times", "")),
        )

    def _check_largest(self, column: ColumnEntry) -> None:
        if column.largest is None:
            return
        table = next(f.table for f in (*self.layout.ids, *self.layout.lists) if f.name == column.field)
        if column.largest >= self.layout.tables[table]:
            raise DataError(
                f"{self.folder / FILE}: the ids of field {column.field!r} must be below "
                f"{self.layout.tables[table]}, the size of table {table!r}; got {column.largest}. "
                "Prepare the data set again with `--force`."
            )

    def _verify_encoders(self) -> None:
        found = self.encoders.fingerprint()
        if found != self.manifest.encoders:
            raise DataError(
                f"{self.folder / self.manifest.folder / ENCODERS} is damaged: its fingerprint must be "
                f"{self.manifest.encoders[:12]}… as the manifest says; got {found[:12]}…. "
                "Prepare the data set again with `--force`."
            )
