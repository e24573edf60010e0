"""Criteo's raw click logs: tab-separated without header; a label, 13 counts, 26 hashed categories."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tamis.data.readers.byte_stream import read_start
from tamis.data.readers.csv import ColumnType, CsvSource
from tamis.errors import DataError

INTEGERS = tuple(f"I{i}" for i in range(1, 14))
CATEGORIES = tuple(f"C{i}" for i in range(1, 27))


class CriteoSource:
    """Rows with the columns ``label``, ``I1`` to ``I13`` (whole numbers) and ``C1`` to ``C26`` (text).

    A file of 39 columns, like the unlabelled test file of the competition, has no ``label``.

    Source: Criteo Display Advertising Challenge (2014) and Criteo 1TB Click Logs, the readme of both.

    Raises:
        DataError: the file cannot be read, is empty, or has neither 40 nor 39 columns.
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        path = Path(path)
        cells = read_start(path).partition(b"\n")[0].count(b"\t") + 1
        if cells not in (39, 40):
            raise DataError(
                f"{path}: a row of Criteo's raw log has 40 cells (39 without the label) between tabs; got "
                f"{cells}. "
                "Check the file, or name another format."
            )
        names = (("label",) if cells == 40 else ()) + INTEGERS + CATEGORIES
        types: dict[str, ColumnType] = {column: "text" if column in CATEGORIES else "whole" for column in names}
        self._table = CsvSource(path, name=name, separator="\t", names=names, types=types, quote=None)
        self.name, self.files, self.columns = self._table.name, self._table.files, self._table.columns

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in file order."""
        return self._table.chunks(columns)

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return self._table.head(rows)
