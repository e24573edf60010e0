"""Write an encoded set of Zipf-distributed ids as ``prepare`` would leave it; no file of raw rows is made or parsed.

Columns, checksums and manifest come from the library's own writers, and ``EncodedSet.open`` reads them back, so what is
loaded from such a set is loaded as from any other. Labels are drawn by chance. The same arguments always give the
same rows. Ten million rows of 23 fields take some 15 s and 530 MB of disk.
"""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from criteo_shaped import zipf_ranks

from tamis import __version__
from tamis.config import write_config
from tamis.data import EncodedSet, SplitSettings
from tamis.data.encoded_set import ENCODERS
from tamis.data.manifest import Manifest, SplitEntry, content_fingerprint, write_manifest
from tamis.data.split_writer import SplitWriter, bytes_per_row
from tamis.data.staging import publish, staging_folder
from tamis.features import FIRST_KNOWN, EncodedChunk, Encoders, Field, Kind, Layout, Schema, fit_encoders

CLICK_CHANCE = 0.25
_CHUNK_ROWS = 65_536
_SPLIT = SplitSettings(kind="given")


def write_encoded_log(
    folder: Path, *, rows: Mapping[str, int], cardinalities: Sequence[int], seed: int = 0
) -> EncodedSet:
    """Write ``rows`` rows of each split, with one field for each of ``cardinalities``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     rows = {"train": 90, "valid": 10}
        ...     encoded = write_encoded_log(Path(place) / "log", rows=rows, cardinalities=(5, 7))
        ...     encoded.rows("train"), encoded.layout.tables
        (90, {'c0': 7, 'c1': 9})
    """
    encoders = _encoders(cardinalities)
    layout, schema = encoders.layout, encoders.schema
    check_room(folder, needed=sum(rows.values()) * bytes_per_row(layout, schema))
    with staging_folder(folder) as staging:
        splits = {
            name: _write_split(staging, name, count, cardinalities, layout, schema, seed=[seed, place])
            for place, (name, count) in enumerate(rows.items())
        }
        encoders.save(staging / ENCODERS)
        fingerprint = content_fingerprint(encoders=encoders.fingerprint(), splits=splits)
        manifest = Manifest(
            tamis=__version__,
            name="zipf",
            folder=fingerprint[:16],
            fingerprint=fingerprint,
            encoders=encoders.fingerprint(),
            encoded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            schema=schema.to_table(),
            split=write_config(_SPLIT),
            split_description=_SPLIT.kind,
            layout=layout.to_json(),
            splits=splits,
            sources=(),
            source_columns={},
        )
        publish(staging, name=manifest.folder, announce=lambda place: write_manifest(folder, manifest))
    return EncodedSet.open(folder)


def zipf_schema(cardinalities: Sequence[int]) -> Schema:
    """A hashed field ``c0``, ``c1``, ... for each cardinality, and ``click``.

    Hashed, because a vocabulary of ten million texts would take time and memory and no step looks at it.
    """
    fields = [
        Field(name=f"c{i}", kind=Kind.CATEGORICAL, encoder="hash", buckets=size) for i, size in enumerate(cardinalities)
    ]
    return Schema(fields=(*fields, Field(name="click", kind=Kind.LABEL)))


def check_room(folder: Path, *, needed: int) -> None:
    """Say so at once if the disk of a folder has no room for what is going to be written there."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise SystemExit(
            f"{place}: this benchmark writes about {needed / 1e9:.1f} GB there and {free / 1e9:.1f} GB are free; "
            "free some space, name another disk with TMPDIR, or ask for fewer rows with --rows."
        )


def _encoders(cardinalities: Sequence[int]) -> Encoders:
    one_row = pl.DataFrame({f"c{i}": ["any"] for i in range(len(cardinalities))})
    return fit_encoders(zipf_schema(cardinalities), [one_row])


def _write_split(
    staging: Path,
    name: str,
    rows: int,
    cardinalities: Sequence[int],
    layout: Layout,
    schema: Schema,
    *,
    seed: list[int],
) -> SplitEntry:
    writer = SplitWriter(staging, split=name, layout=layout, schema=schema)
    for number, start in enumerate(range(0, rows, _CHUNK_ROWS)):
        random = np.random.default_rng([*seed, number])
        count = min(_CHUNK_ROWS, rows - start)
        ids = {f"c{i}": zipf_ranks(random, count, size) + FIRST_KNOWN for i, size in enumerate(cardinalities)}
        clicks = (random.random(count) < CLICK_CHANCE).astype(np.float32)
        writer.append(EncodedChunk(rows=count, ids=ids, labels={"click": clicks}))
    return writer.finish()
