"""A source: rows of a log as column chunks, read in a stream, as often as one likes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from tamis.config import suggest
from tamis.data.readers.avazu import AvazuSource
from tamis.data.readers.criteo import CriteoSource
from tamis.data.readers.csv import ColumnType, CsvSource
from tamis.data.readers.libsvm import LibsvmSource
from tamis.data.readers.movielens import MovieLensSource, holds_movielens
from tamis.data.readers.parquet import ParquetSource
from tamis.data.readers.planted import open_planted
from tamis.errors import ConfigError, DataError

FORMATS = ("parquet", "csv", "tsv", "libsvm", "criteo", "avazu", "movielens", "planted")

_EXTENSIONS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".libsvm": "libsvm",
    ".svm": "libsvm",
    ".libfm": "libsvm",
    ".inter": "movielens",
    ".planted": "planted",
}
_COMPRESSIONS = {".gz", ".zst"}


class Source(Protocol):
    """Rows of a log, raw: missing is missing, and nothing has a meaning yet.

    ``files`` is what a checksum of the data must cover; frames have none.
    """

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it reads."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        ...

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in order, about 64 thousand at a time, the wanted columns only; each call starts again."""
        ...

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        ...


def open_source(
    path: Path | str,
    *,
    format: str | None = None,
    separator: str | None = None,
    names: Sequence[str] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    as_lists: bool | None = None,
) -> Source:
    """Open a log; its format follows from the extension (before ``.gz`` or ``.zst``) unless it is named.

    ``separator``, ``names`` (for a file without a header line) and ``types`` are for CSV and TSV,
    ``as_lists`` for libsvm; see the sources of these formats.

    Raises:
        ConfigError: there is no such format, or an option does not belong to it.
        DataError: there is no such file, its format cannot be told, or it is empty or damaged.

    Example:
        >>> open_source("log.cvs")
        Traceback (most recent call last):
        tamis.errors.DataError: log.cvs: no such file. Check the path.
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise ConfigError(f"no format is called {format!r}. {suggest(format, FORMATS)}")
    if not path.exists():
        raise DataError(f"{path}: no such file. Check the path.")
    format = format or _guess_format(path)
    for option, value, formats in (
        ("separator", separator, ("csv", "tsv")),
        ("names", names, ("csv", "tsv")),
        ("types", types, ("csv", "tsv")),
        ("as_lists", as_lists, ("libsvm",)),
    ):
        if value is not None and format not in formats:
            raise ConfigError(f"{path}: {option} is an option of {' and '.join(formats)}, not of {format}. Remove it.")
    match format:
        case "parquet":
            return ParquetSource(path)
        case "csv" | "tsv":
            tab = "\t" if format == "tsv" else None
            return CsvSource(path, separator=separator or tab, names=names, types=types)
        case "libsvm":
            return LibsvmSource(path, as_lists=as_lists)
        case "criteo":
            return CriteoSource(path)
        case "avazu":
            return AvazuSource(path)
        case "planted":
            return open_planted(path)
        case _:
            return MovieLensSource(path)


def _guess_format(path: Path) -> str:
    if path.is_dir():
        if any(path.glob("*.parquet")) and not holds_movielens(path):
            return "parquet"
        if holds_movielens(path):
            return "movielens"
        raise DataError(f"{path}: the folder holds neither .parquet files nor MovieLens. Name one file of it.")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    extension = suffixes[-1] if suffixes else ""
    if extension not in _EXTENSIONS:
        raise DataError(
            f"{path}: its format cannot be told from the extension {extension!r}. "
            f"{suggest(extension, _EXTENSIONS)} "
            f"Or name the format, one of {', '.join(FORMATS)}."
        )
    return _EXTENSIONS[extension]
