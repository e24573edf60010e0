"""libsvm and libfm: a label and ``index:value`` pairs a line, parsed as one long column of numbers."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from tamis.data.readers.byte_stream import explain_read_errors, open_bytes
from tamis.data.readers.chunks import choose_columns, first_rows, resize_chunks
from tamis.errors import DataError

_BLOCK_BYTES = 8 << 20
_SPLIT_PAIRS = bytes.maketrans(b": \t\r", b"\n\n\n\n")
_NEWLINE, _COLON = ord("\n"), ord(":")


class LibsvmSource:
    """Rows of a libsvm file in one of two shapes.

    With ``as_lists`` the columns are ``label``, ``features`` (the indices of the line, a list of whole
    numbers) and ``values`` (the numbers beside them). Without, each line has one feature a field, all with
    the value 1, as in the files that FM papers publish; the columns are ``label`` and ``field_0``,
    ``field_1``, ... in the order of the line. None chooses by the first lines. Labels are whole numbers if
    the first lines say so. A comment after ``#`` is left out.

    Raises:
        DataError: the file cannot be read, is empty, or a line is not of this form.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "log.libfm"
        >>> _ = path.write_text("-1 3:1 8:1\\n1 4:1 8:1\\n")
        >>> LibsvmSource(path).head(2).rows()
        [(-1, 3, 8), (1, 4, 8)]
        >>> LibsvmSource(path, as_lists=True).head(1).rows()
        [(-1, [3, 8], [1.0, 1.0])]
    """

    def __init__(self, path: Path | str, *, name: str | None = None, as_lists: bool | None = None) -> None:
        self.path = Path(path)
        self.name = name or self.path.name
        self.files = (self.path,)
        first = next(self._parsed_blocks(), None)
        if first is None:
            raise DataError(f"{self.path}: has no rows. Get or write the file again.")
        labels, counts, _, values = first
        self._whole_labels = bool((labels == np.round(labels)).all())
        self._width = int(counts[0])
        fixed = bool((counts == self._width).all()) and bool((values == 1).all())
        self.as_lists = not fixed if as_lists is None else as_lists
        fields = [f"field_{i}" for i in range(self._width)]
        self.columns = ("label", "features", "values") if self.as_lists else ("label", *fields)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in file order."""
        return resize_chunks(self._frames(choose_columns(self.name, self.columns, columns)))

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self._frames(self.columns), rows)

    def _frames(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        rows = 0
        for labels, counts, indices, values in self._parsed_blocks():
            make = self._list_columns if self.as_lists else self._field_columns
            found = make(counts, indices, values, rows)
            found["label"] = self._label_column(labels, rows)
            rows += len(labels)
            yield pl.DataFrame(found).select(columns)

    def _label_column(self, labels: np.ndarray, rows: int) -> pl.Series:
        if not self._whole_labels:
            return pl.Series(labels)
        if (labels != np.round(labels)).any():
            raise DataError(
                f"{self.path}: after row {rows:,}: a label is not a whole number, as the first ones are. "
                "Write the first label with a decimal point, or mend the row."
            )
        return pl.Series(labels.astype(np.int64))

    def _field_columns(
        self, counts: np.ndarray, indices: np.ndarray, values: np.ndarray, rows: int
    ) -> dict[str, pl.Series]:
        if (counts != self._width).any() or (values != 1).any():
            raise DataError(
                f"{self.path}: after row {rows:,}: a row does not have {self._width} features of value 1, "
                "as the first "
                "ones do. Read the features as lists: as_lists=True."
            )
        table = indices.reshape(len(counts), self._width)
        return {f"field_{i}": pl.Series(table[:, i]) for i in range(self._width)}

    def _list_columns(
        self, counts: np.ndarray, indices: np.ndarray, values: np.ndarray, rows: int
    ) -> dict[str, pl.Series]:
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]))
        lists = {"features": indices, "values": values}
        return {
            name: pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(offsets, pa.array(numbers))))
            for name, numbers in lists.items()
        }

    def _parsed_blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """For each block of lines: labels, features a line, then all indices and all values in a row."""
        rows = 0
        for block in self._line_blocks():
            parsed = self._parse(block, rows)
            if len(parsed[0]):
                yield parsed
            rows += len(parsed[0])

    def _line_blocks(self) -> Iterator[bytes]:
        rest = b""
        with explain_read_errors(self.path), open_bytes(self.path) as stream:
            while block := stream.read(_BLOCK_BYTES):
                end = block.rfind(b"\n") + 1
                if end:
                    yield rest + block[:end]
                    rest = block[end:]
                else:
                    rest += block
        if rest:
            yield rest + b"\n"

    def _parse(self, block: bytes, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        if b"#" in block:
            block = re.sub(rb"#[^\n]*", b"", block)
        # Lines without any number hold nothing and count for nothing.
        block = re.sub(rb"\n\s*\n", b"\n", b"\n" + block).lstrip()
        if not block:
            return np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        text = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(text == _NEWLINE)
        counts = np.diff(np.searchsorted(np.flatnonzero(text == _COLON), ends), prepend=0)
        numbers = self._numbers(block, rows)
        if len(numbers) != len(ends) + 2 * counts.sum():
            raise DataError(
                f"{self.path}: after row {rows:,}: a line is not `label index:value index:value ...`. Mend the line."
            )
        starts = np.concatenate([[0], np.cumsum(1 + 2 * counts)[:-1]])
        labels = numbers[starts]
        pairs = np.delete(numbers, starts).reshape(-1, 2)
        indices = pairs[:, 0].astype(np.int64)
        if (indices != pairs[:, 0]).any():
            raise DataError(f"{self.path}: after row {rows:,}: an index is not a whole number. Mend the line.")
        return labels, counts, indices, np.ascontiguousarray(pairs[:, 1])

    def _numbers(self, block: bytes, rows: int) -> np.ndarray:
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(block.translate(_SPLIT_PAIRS)),
                read_options=pa_csv.ReadOptions(column_names=["number"]),
                parse_options=pa_csv.ParseOptions(quote_char=False, ignore_empty_lines=True),
                convert_options=pa_csv.ConvertOptions(column_types={"number": pa.float64()}, null_values=[]),
            )
        except pa.ArrowInvalid as error:
            cell = re.search(r"invalid value '(.*)'", str(error), flags=re.DOTALL)
            what = f"{cell[1]!r} is not a number" if cell else "a line holds something else than numbers"
            raise DataError(
                f"{self.path}: after row {rows:,}: {what}. A line must be `label index:value index:value ...`."
            ) from None
        return table["number"].to_numpy()
