"""Avazu's raw click log: comma-separated, with or without its header; the hour is a number YYMMDDHH."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tamis.data.readers.byte_stream import read_start
from tamis.data.readers.chunks import choose_columns, first_rows
from tamis.data.readers.csv import ColumnType, CsvSource
from tamis.errors import DataError

_NAMES = (
    *("id", "click", "hour", "C1", "banner_pos", "site_id", "site_domain", "site_category"),
    *("app_id", "app_domain", "app_category", "device_id", "device_ip", "device_model", "device_type"),
    *("device_conn_type", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21"),
)
_WHOLE = {
    *("click", "hour", "C1", "banner_pos", "device_type", "device_conn_type"),
    *(f"C{i}" for i in range(14, 22)),
}
_HOUR = pl.col("hour")
_TIME = pl.datetime(2000 + _HOUR // 1_000_000, _HOUR // 10_000 % 100, _HOUR // 100 % 100, _HOUR % 100)
_DERIVED = {"time": _TIME, "hour_of_day": _HOUR % 100, "weekday": _TIME.dt.weekday().cast(pl.Int64)}


class AvazuSource:
    """Rows with the 24 columns of the competition and three made of ``hour``.

    ``time`` is the hour as a datetime (UTC), ``hour_of_day`` 0 to 23, ``weekday`` 1 (Monday) to 7. Of the
    columns whose values are numbers, all are categories but ``click`` and ``hour``. The unlabelled test file,
    which has a header and 23 columns, has no ``click``.

    Source: Kaggle, Click-Through Rate Prediction (Avazu, 2014), data page.

    Raises:
        DataError: the file cannot be read, is empty, or has other columns.
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        path = Path(path)
        first = read_start(path).partition(b"\n")[0].decode("utf-8", "replace").strip().split(",")
        has_header = first[0] == "id"
        names = tuple(first) if has_header else _NAMES
        if len(first) != len(names) or set(names) not in (set(_NAMES), set(_NAMES) - {"click"}):
            raise DataError(
                f"{path}: a row of Avazu's raw log has the 24 cells {_NAMES[0]} to {_NAMES[-1]}; got "
                f"{len(first)}, "
                f"the first {first[0]!r}. Check the file, or name another format."
            )
        types: dict[str, ColumnType] = {column: "whole" if column in _WHOLE else "text" for column in names}
        self._table = CsvSource(
            path, name=name, separator=",", names=None if has_header else names, types=types, quote=None
        )
        self.name, self.files = self._table.name, self._table.files
        self.columns = (*self._table.columns, *_DERIVED)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in file order."""
        chosen = choose_columns(self.name, self.columns, columns)
        made = [_DERIVED[column].alias(column) for column in chosen if column in _DERIVED]
        needed = [column for column in chosen if column not in _DERIVED]
        read = list(dict.fromkeys([*needed, "hour"])) if made else needed
        for chunk in self._table.chunks(read):
            yield chunk.with_columns(made).select(chosen)

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self.chunks(), rows)
