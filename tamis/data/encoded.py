"""From raw rows to an encoded set on disk: fit on the training rows, encode all, publish in one step."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tamis import __version__
from tamis.config import write_config
from tamis.data.coded_rows import CodedRows
from tamis.data.divided_rows import DividedRows
from tamis.data.encoded_set import ENCODERS, EncodedSet, EncodedSplit
from tamis.data.manifest import FILE, FORMAT, Manifest, SplitEntry, content_fingerprint, write_manifest
from tamis.data.prefetch import prefetched
from tamis.data.readers.source import Source
from tamis.data.row_store import DISK_FULL
from tamis.data.source_files import SourceEntry, check_same_dates, describe_file, is_unchanged
from tamis.data.split import SplitSettings
from tamis.data.split_writer import SplitWriter, bytes_per_row
from tamis.data.staging import publish, staging_folder, sweep
from tamis.errors import DataError
from tamis.features import EncodedChunk, Encoders, Schema, fit_encoders
from tamis.features.schema import encoding_part
from tamis.features.text_codes import CodedTables

__all__ = ["EncodedSet", "EncodedSplit", "prepare"]

Progress = Callable[[str, int, int | None], None]
_ROWS = "rows"


def prepare(
    *,
    source: Source | Mapping[str, Source],
    schema: Schema,
    split: SplitSettings,
    folder: Path | str,
    name: str = "",
    force: bool = False,
    min_free_bytes: int = 0,
    progress: Progress | None = None,
) -> EncodedSet:
    """Encode a source into ``folder``, or return what lies there when nothing changed since.

    The source is read in chunks, once: its rows are set aside on the disk, with a code for each text, while
    the encoders are fitted on the training rows, and are then encoded. Without room for that it is read twice.
    Everything is written aside; ``manifest.json`` is replaced last, so whatever happens before leaves the
    old set as it was. ``source`` is one source that ``split`` divides, or with kind ``given`` a source for
    each of train, valid and test. ``force`` encodes again even if nothing changed; ``min_free_bytes`` is the
    room to leave on the disk. ``progress`` is called with ``"fit"`` or ``"encode"``, the rows done and, once
    it is known, the number of all rows.

    Raises:
        ConfigError: the sources do not fit the kind of split.
        DataError: the source has no rows or cannot be read, a split is empty or has one class only, a file
        changed
            while it was read, or the disk is full.
    """
    folder = Path(folder)
    rows = DividedRows(source, schema, split)
    previous = _open_previous(folder, force=force)
    if previous is not None and not force:
        sources = _unchanged_sources(previous, rows, schema=schema, split=split)
        if sources is not None:
            seen = replace(previous.manifest, name=name or rows.name, sources=sources)
            return _keep(previous, _under(schema, seen, previous))
    sweep(folder, published=False)
    return _Preparation(
        rows, schema=schema, split=split, folder=folder, name=name, progress=progress or _no_progress
    ).run(force=force, min_free_bytes=min_free_bytes)


class _Preparation:
    """One run of ``prepare``: what was asked for, and how far it came."""

    def __init__(
        self,
        rows: DividedRows,
        *,
        schema: Schema,
        split: SplitSettings,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> None:
        self.rows = rows
        self.schema = schema
        self.split = split
        self.folder = folder
        self.name = name or rows.name
        self.progress = progress
        self.counts: Counter[str] = Counter()
        self.total = 0
        self.needed_bytes: int | None = None
        self.writers: dict[str, SplitWriter] = {}

    def run(self, *, force: bool, min_free_bytes: int) -> EncodedSet:
        try:
            with staging_folder(self.folder) as staging, ThreadPoolExecutor(max_workers=1) as aside:
                described = aside.submit(self._describe_files)
                self.rows.prepare()
                rows = CodedRows(self.rows, self.schema, staging / _ROWS, min_free_bytes=min_free_bytes)
                encoders = fit_encoders(self.schema, self._training_rows(rows), codes=rows.codes)
                self._check_room(encoders, rows, min_free_bytes)
                splits = self._encode(encoders, rows, staging)
                self._check_classes(splits)
                encoders.save(staging / ENCODERS)
                sources = described.result()
                check_same_dates(sources)
                manifest = self._describe(encoders, splits, sources)
                # Looked at only now: another process may have finished the same work meanwhile.
                present = _open_previous(self.folder, force=True)
                if present is not None and present.fingerprint == manifest.fingerprint and not force:
                    return _keep(present, replace(manifest, folder=present.manifest.folder))
                place = publish(
                    staging,
                    name=manifest.folder,
                    announce=lambda place: write_manifest(self.folder, replace(manifest, folder=place)),
                )
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            raise DataError(self._explain_full_disk(error)) from error
        sweep(self.folder, keep=place.name)
        return EncodedSet.open(self.folder)

    def _training_rows(self, rows: CodedRows) -> Iterator[pl.DataFrame]:
        """The rows to fit on; all rows are counted on the way, and the counts checked before fitting ends."""
        for num_rows, parts in rows.first_pass():
            self.counts.update({name: len(part) for name, part in parts.items()})
            self.total += num_rows
            self.progress("fit", self.total, None)
            if "train" in parts:
                yield parts["train"]
        self._check_counts()

    def _encode(self, encoders: Encoders, rows: CodedRows, staging: Path) -> dict[str, SplitEntry]:
        self.writers = {
            name: SplitWriter(staging, split=name, layout=encoders.layout, schema=self.schema)
            for name in self.rows.split_names
        }
        done = 0
        for num_rows, chunks in prefetched(self._encoded_chunks(encoders, rows)):
            for name, chunk in chunks.items():
                self.writers[name].append(chunk)
            done += num_rows
            self.progress("encode", done, self.total)
        rows.store.give_up()
        return {name: writer.finish() for name, writer in self.writers.items()}

    def _encoded_chunks(self, encoders: Encoders, rows: CodedRows) -> Iterator[tuple[int, dict[str, EncodedChunk]]]:
        coded = CodedTables(rows.codes, encoders.state.vocabularies)
        for num_rows, parts in rows.second_pass():
            asked = {name: parts[name] for name in self.writers if name in parts}
            yield num_rows, {name: encoders.encode(part, coded=coded) for name, part in asked.items()}

    def _check_counts(self) -> None:
        if self.total == 0:
            raise DataError(f"{self.rows.name} has no rows. Give a source with at least one row for each split.")
        for name in self.rows.split_names:
            if self.counts[name] == 0:
                raise DataError(
                    f"split {name!r} ({self.rows.description}) is empty: none of the {self.total:,} rows of "
                    f"{self.rows.name} belongs to it. {_way_out(self.split)}"
                )

    def _check_classes(self, splits: dict[str, SplitEntry]) -> None:
        for name, entry in splits.items():
            for label, positives in entry.positives.items():
                if positives in (0, entry.rows):
                    raise DataError(
                        f"split {name!r} ({self.rows.description}): label {label!r} must be 0 in some rows "
                        f"and 1 in others; it is {int(positives > 0)} in all {entry.rows:,}. "
                        f"Check the label's rule in the schema (at_least, positive). {_way_out(self.split)}"
                    )

    def _check_room(self, encoders: Encoders, coded: CodedRows, min_free_bytes: int) -> None:
        rows = sum(self.counts[name] for name in self.rows.split_names)
        self.needed_bytes = rows * bytes_per_row(encoders.layout, self.schema)
        # The coded rows go while the encoded ones come.
        free = shutil.disk_usage(self.folder).free + coded.store.bytes
        if free < self.needed_bytes + min_free_bytes:
            asked = f" and {_size(min_free_bytes)} are to stay free" if min_free_bytes else ""
            raise DataError(
                f"{self.folder}: {rows:,} encoded rows need at least {_size(self.needed_bytes)}{asked}; "
                f"{_size(free)} are free. Free some space, or name a folder on another disk."
            )

    def _explain_full_disk(self, error: OSError) -> str:
        written = sum(writer.bytes for writer in self.writers.values())
        needed = "" if self.needed_bytes is None else f" of at least {_size(self.needed_bytes)}"
        free = shutil.disk_usage(self.folder).free
        is_kept = (self.folder / FILE).exists()
        old = " The data set that was there before is unchanged." if is_kept else ""
        return (
            f"{self.folder}: the disk is full ({error.strerror or error}) after {_size(written)}{needed} "
            f"of encoded rows; {_size(free)} are free now. Free some space, or name another folder.{old}"
        )

    def _describe_files(self) -> tuple[SourceEntry, ...]:
        return tuple(describe_file(file, split=part) for file, part in self.rows.files)

    def _describe(
        self, encoders: Encoders, splits: dict[str, SplitEntry], sources: tuple[SourceEntry, ...]
    ) -> Manifest:
        fingerprint = content_fingerprint(encoders=encoders.fingerprint(), splits=splits)
        return Manifest(
            tamis=__version__,
            name=self.name,
            folder=fingerprint[:16],
            fingerprint=fingerprint,
            encoders=encoders.fingerprint(),
            encoded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            schema=self.schema.to_table(),
            split=write_config(self.split),
            split_description=self.rows.description,
            layout=encoders.layout.to_json(),
            splits=splits,
            sources=sources,
            source_columns=self.rows.column_types(),
        )


def _open_previous(folder: Path, *, force: bool) -> EncodedSet | None:
    """What lies in ``folder``; a damaged set or one of a newer tamis is replaced only by ``force``."""
    if not (folder / FILE).exists():
        return None
    try:
        return EncodedSet.open(folder)
    except DataError:
        if force:
            return None
        raise


def _unchanged_sources(
    previous: EncodedSet, rows: DividedRows, *, schema: Schema, split: SplitSettings
) -> tuple[SourceEntry, ...] | None:
    """The files as they are now if encoding them would give ``previous`` again, else None."""
    manifest = previous.manifest
    before, files = manifest.sources, rows.files
    if not rows.has_only_files or manifest.format != FORMAT or len(before) != len(files):
        return None
    if encoding_part(manifest.schema) != schema.to_encoding_table() or manifest.split != write_config(split):
        return None
    if manifest.source_columns != rows.column_types():
        return None
    now = []
    for entry, (file, part) in zip(before, files, strict=True):
        if entry.split != part or not file.is_file() or not is_unchanged(entry, file):
            return None
        now.append(entry.seen_at(file))
    return tuple(now)


def _under(schema: Schema, manifest: Manifest, previous: EncodedSet) -> Manifest:
    """The manifest with what models are to make of the columns now, in which ``schema`` may differ from before."""
    if manifest.schema == schema.to_table():
        return manifest
    layout = previous.encoders.under(schema).layout
    return replace(manifest, schema=schema.to_table(), layout=layout.to_json())


def _keep(previous: EncodedSet, manifest: Manifest) -> EncodedSet:
    """The columns that are there, under a manifest with what is known anew of sources, schema and split."""
    if manifest == previous.manifest:
        return previous
    write_manifest(previous.folder, manifest)
    return EncodedSet.open(previous.folder)


def _way_out(split: SplitSettings) -> str:
    return {
        "random": "Take more rows, other `fractions` or another `seed`.",
        "time": "Choose other `valid_from` and `test_from`, or other `fractions`.",
        "leave_last": "Each group needs more rows than are left out: lower `last`, or split at random.",
        "column": f"Check which values column {split.column!r} holds.",
        "given": "Give another file for this split.",
    }[split.kind]


def _size(size: int) -> str:
    return f"{size:,} bytes" if size < 1_000_000 else f"{size / 1e6:,.1f} MB"


def _no_progress(stage: str, rows: int, total: int | None) -> None:
    """Say nothing."""
