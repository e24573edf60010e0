"""The rows of a log for two passes: texts as codes, divided into splits, read and looked up once if they may be."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tamis.data.divided_rows import DividedRows
from tamis.data.prefetch import prefetched
from tamis.data.row_store import RowStore
from tamis.data.split import SPLIT_NAMES
from tamis.features import Schema
from tamis.features.text_codes import TextCodes


class CodedRows:
    """The rows of a source, to be gone through by ``first_pass`` and then by ``second_pass``.

    The first pass leaves the coded rows in a ``RowStore``, from where the second one takes them. Where the disk
    has no room for that, the second pass reads the source again.
    """

    def __init__(self, rows: DividedRows, schema: Schema, folder: Path, *, min_free_bytes: int = 0) -> None:
        self._rows = rows
        self.codes = TextCodes(schema)
        self.store = RowStore(folder, min_free_bytes=min_free_bytes)

    def first_pass(self) -> Iterator[tuple[int, dict[str, pl.DataFrame]]]:
        """The number of rows of each chunk, and those of each split, with codes."""
        for rows, parts in prefetched(self._read()):
            yield rows, parts
            self.store.add(rows, parts)

    def second_pass(self) -> Iterator[tuple[int, dict[str, pl.DataFrame]]]:
        """The same once more."""
        return self.store.take() if self.store.is_complete else prefetched(self._read())

    def _read(self) -> Iterator[tuple[int, dict[str, pl.DataFrame]]]:
        for chunk, numbers in self._rows.chunks():
            coded = self.codes.encode(chunk).rechunk()
            counts = np.bincount(numbers, minlength=len(SPLIT_NAMES)).tolist()
            yield (
                len(chunk),
                {
                    name: coded if counts[number] == len(chunk) else coded.filter(numbers == number)
                    for number, name in enumerate(SPLIT_NAMES)
                    if counts[number]
                },
            )
