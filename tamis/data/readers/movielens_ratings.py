"""The ratings of MovieLens, form by form, as one set of columns."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl

from tamis.data.readers.csv import ColumnType, CsvSource
from tamis.data.readers.parquet import ParquetSource
from tamis.errors import DataError

_TYPES: Mapping[str, ColumnType] = {
    "user_id": "whole",
    "item_id": "whole",
    "rating": "number",
    "timestamp": "whole",
}
Ratings = Callable[[], Iterator[pl.DataFrame]]


def open_ratings(path: Path) -> Ratings:
    """A function that streams ``user_id``, ``item_id``, ``rating``, ``timestamp`` and ``time``.

    Raises:
        DataError: the file cannot be read, is empty, or lacks a column.
    """
    plain = path.name.removesuffix(".gz")
    if plain.endswith(".parquet"):
        return _open_parquet(path)
    if plain.endswith(".inter"):
        return _open_atomic(path)
    if plain == "u.data":
        table = CsvSource(path, separator="\t", names=list(_TYPES), types=_TYPES, quote=None)
    else:
        # Columns between two colons each: every second one of those between single colons is empty.
        names = ["user_id", "empty_1", "item_id", "empty_2", "rating", "empty_3", "timestamp"]
        types: dict[str, ColumnType] = {name: _TYPES.get(name, "text") for name in names}
        table = CsvSource(path, separator=":", names=names, types=types, quote=None)
    return lambda: (_with_time(chunk) for chunk in table.chunks(list(_TYPES)))


def _open_atomic(path: Path) -> Ratings:
    """RecBole's table: its header says ``name:type``; a token may be any text, but ours are whole numbers."""
    header = CsvSource(path, separator="\t", quote=None).columns
    names = [column.partition(":")[0] for column in header]
    missing = [name for name in _TYPES if name not in names]
    if missing:
        raise DataError(f"{path}: must have the columns {list(_TYPES)}; {missing[0]!r} is missing. Get it again.")
    types: dict[str, ColumnType] = {}
    for column, name in zip(header, names, strict=True):
        # Seconds may be written as 8.8e8 in files of this kind.
        types[column] = "number" if name == "timestamp" else _TYPES.get(name, "text")
    table = CsvSource(path, separator="\t", types=types, quote=None)
    chosen = {column: name for column, name in zip(header, names, strict=True) if name in _TYPES}
    whole = pl.col("timestamp").cast(pl.Int64)
    return lambda: (_with_time(chunk.rename(chosen).with_columns(whole)) for chunk in table.chunks(list(chosen)))


def _open_parquet(path: Path) -> Ratings:
    table = ParquetSource(path)
    types = {
        "user_id": pl.Int64,
        "movie_id": pl.Int64,
        "rating": pl.Float64,
        "timestamp": pl.Int64,
        "time_rank": pl.Int64,
    }
    missing = [name for name in types if name not in table.columns]
    if missing:
        raise DataError(f"{path}: must have the columns {list(types)}; {missing[0]!r} is missing. Get it again.")
    names = {"movie_id": "item_id", "time_rank": "time"}
    columns = [pl.col(name).cast(dtype).alias(names.get(name, name)) for name, dtype in types.items()]
    return lambda: (chunk.select(columns) for chunk in table.chunks(list(types)))


def _with_time(chunk: pl.DataFrame) -> pl.DataFrame:
    return chunk.with_columns(pl.col("timestamp").alias("time"))
