"""CSV and TSV, plain, gzip or Zstandard, in one pass over the bytes and with the memory of a few blocks.

pyarrow's streaming reader was chosen by measurement (1 million rows, 39 Criteo columns, 2 cores): 640-780
thousand rows a second from a plain or gzip file at 185 MB; Polars on blocks of 8 MB takes 660-1,000 thousand
at 780 MB.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from tamis.data.readers.byte_stream import explain_read_errors, open_bytes, read_start
from tamis.data.readers.chunks import choose_columns, first_rows, resize_chunks
from tamis.errors import ConfigError, DataError

ColumnType = Literal["text", "whole", "number", "time"]
"""text, whole numbers (64 bit), numbers (64 bit floating point), ISO dates with or without a time of day."""

_ARROW_TYPES = {
    "text": pa.string(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("us"),
}
_WORDS = {"whole": "whole numbers", "number": "numbers", "time": "times", "text": "text"}
_BLOCK_BYTES = 1 << 20


class CsvSource:
    """Rows of a delimited text file.

    A type is chosen for each column from the first ``infer_rows`` rows; ``types`` overrules. Digits with a
    leading zero or with more than 18 places stay text, so that an id is never changed by reading it. An empty
    cell is missing. A later cell that does not fit is an error that says how to choose the type; nothing
    changes type on the way.

    ``separator`` and ``quote`` are single characters; the separator is guessed from the first line when None.
    With ``names`` the file has no header line.

    Raises:
        ConfigError: there is no such type, or the separator is not one character.
        DataError: the file cannot be read, has no rows, or a name appears twice.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "log.csv"
        >>> _ = path.write_text("user,zip,click\\nann,01234,1\\nbob,,0\\n")
        >>> CsvSource(path).head(2).rows()
        [('ann', '01234', 1), ('bob', None, 0)]
    """

    def __init__(
        self,
        path: Path | str,
        *,
        name: str | None = None,
        separator: str | None = None,
        names: Sequence[str] | None = None,
        types: Mapping[str, ColumnType] | None = None,
        missing: Sequence[str] = ("",),
        encoding: str = "utf-8",
        quote: str | None = '"',
        infer_rows: int = 10_000,
    ) -> None:
        path = Path(path)
        self.name = name or path.name
        self.path = path
        self.files = (path,)
        self._encoding, self._missing, self._quote = encoding, list(missing), quote
        self._separator = separator if separator is not None else _guess_separator(path)
        if len(self._separator.encode()) != 1:
            raise ConfigError(f"{path}: the separator must be one character (ASCII); got {self._separator!r}.")
        self._has_header = names is None
        self.columns = tuple(names) if names is not None else self._read_header()
        twice = {column for column in self.columns if self.columns.count(column) > 1}
        if twice:
            raise DataError(f"{path}: the column name {min(twice)!r} appears twice. Rename one of the two.")
        given: dict[str, ColumnType] = dict(types or {})
        self._check_types(given)
        unknown = [column for column in self.columns if column not in given]
        # The sample is read as text, from which nothing is lost; then each guess is made on its column.
        self._types: dict[str, ColumnType] = {column: given.get(column, "text") for column in self.columns}
        sample = first_rows(self._frames(self.columns), infer_rows if unknown else 1)
        if sample.is_empty():
            raise DataError(f"{path}: has a header but no rows. Get or write the file again.")
        self._types.update({column: infer_type(sample[column]) for column in unknown})

    @property
    def types(self) -> dict[str, ColumnType]:
        """The type of each column, guessed or given."""
        return dict(self._types)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in file order."""
        return resize_chunks(self._frames(choose_columns(self.name, self.columns, columns)))

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self._frames(self.columns), rows)

    def _check_types(self, given: Mapping[str, str]) -> None:
        choose_columns(self.name, self.columns, list(given))
        for column, kind in given.items():
            if kind not in _ARROW_TYPES:
                raise ConfigError(
                    f"{self.path}: the type of column {column!r} must be one of {list(_ARROW_TYPES)}; got {kind!r}."
                )

    def _read_header(self) -> tuple[str, ...]:
        line = read_start(self.path).removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].rstrip(b"\r")
        types = {f"f{i}": pa.string() for i in range(line.count(self._separator.encode()) + 1)}
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(line + b"\n"),
                read_options=pa_csv.ReadOptions(autogenerate_column_names=True, encoding=self._encoding),
                parse_options=self._parse_options(),
                convert_options=pa_csv.ConvertOptions(column_types=types),
            )
        except pa.ArrowInvalid:
            raise DataError(
                f"{self.path}: must begin with a line of column names; got {line[:60]!r}. "
                "Add it, or give the names: names=[...]."
            ) from None
        return tuple(str(value) for row in table.to_pylist() for value in row.values())

    def _parse_options(self) -> pa_csv.ParseOptions:
        return pa_csv.ParseOptions(
            delimiter=self._separator,
            quote_char=self._quote if self._quote is not None else False,
            newlines_in_values=self._quote is not None,
        )

    def _frames(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        rows = 0
        with explain_read_errors(self.path), open_bytes(self.path) as stream:
            try:
                with self._open_reader(stream, columns) as reader:
                    for batch in reader:
                        frame = pl.from_arrow(pa.Table.from_batches([batch]))
                        assert isinstance(frame, pl.DataFrame)
                        rows += len(frame)
                        yield frame
            except pa.ArrowInvalid as error:
                # Both mean that the file ends with its header; a sample without rows says so.
                if not re.search("Empty CSV|Could not skip", str(error)):
                    raise DataError(self._explain(str(error), rows)) from None

    def _open_reader(self, stream: pa.NativeFile, columns: Sequence[str]) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                column_names=list(self.columns),
                skip_rows=1 if self._has_header else 0,
                block_size=_BLOCK_BYTES,
                encoding=self._encoding,
            ),
            parse_options=self._parse_options(),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(columns),
                column_types={column: _ARROW_TYPES[self._types[column]] for column in columns},
                null_values=self._missing,
                strings_can_be_null=True,
            ),
        )

    def _explain(self, reason: str, rows: int) -> str:
        """A sentence for what pyarrow refused, after ``rows`` good rows."""
        where = f"{self.path}: after row {rows:,}"
        cell = re.search(r"In CSV column #(\d+).*invalid value '(.*)'", reason, flags=re.DOTALL)
        if cell:
            column = self.columns[int(cell[1])]
            words = _WORDS[self._types[column]]
            return (
                f"{where}, column {column!r} holds {cell[2]!r}, but it is read as {words} like the rows "
                "before. "
                f'Choose its type: types={{"{column}": "text"}} (or "whole", "number", "time").'
            )
        if "invalid UTF8" in reason:
            return f'{where}, the text is not UTF-8. Name its encoding, for example encoding="latin-1".'
        cells = re.search(r"Expected (\d+) columns, got (\d+)", reason)
        if cells:
            return (
                f"{where}, a row has {cells[2]} cells where {cells[1]} are expected. "
                f"Mend the row, or check the separator ({self._separator!r})."
            )
        return f"{where}, the text cannot be read: {reason.splitlines()[0]}."


def infer_type(column: pl.Series) -> ColumnType:
    """The narrowest type that loses nothing of what the texts of ``column`` mean; text when all are missing.

    Example:
        >>> samples = (["1", None], ["0.5", "2"], ["007"], ["2014-10-21 05:00:00"])
        >>> [infer_type(pl.Series(sample)) for sample in samples]
        ['whole', 'number', 'text', 'time']
    """
    texts = column.drop_nulls()
    if texts.is_empty():
        return "text"
    if texts.str.contains(r"^-?(0|[1-9][0-9]{0,17})$").all():
        return "whole"
    if texts.str.contains(r"^[+-]?0[0-9]").any():
        return "text"
    if texts.str.contains(r"^[+-]?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^(?i:nan|[+-]?inf)$").all():
        return "text" if texts.str.contains(r"^(?i:nan|[+-]?inf)$").all() else "number"
    if texts.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$").all():
        return "time"
    return "text"


def _guess_separator(path: Path) -> str:
    """The commonest of comma, tab, semicolon and bar in the first line; a comma when there is none."""
    line = read_start(path).partition(b"\n")[0]
    return max(",\t;|", key=lambda mark: line.count(mark.encode()))
