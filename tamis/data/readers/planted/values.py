"""The values of a planted field in some rows, before anybody clicks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from tamis.data.readers.planted.settings import PlantedField
from tamis.data.readers.planted.zipf import Zipf
from tamis.data.row_draws import row_draws


@dataclass(frozen=True, kw_only=True)
class Span:
    """Rows ``first`` to ``first + count - 1`` of ``total``; rows of another ``stream`` have draws of their own."""

    seed: int
    first: int
    count: int
    total: int
    stream: str = "rows"

    def draws(self, purpose: str, field: str = "") -> np.ndarray:
        """A uniform draw in [0, 1) for each row, which no other purpose or field shares."""
        return row_draws((self.seed, *f"{self.stream}/{purpose}/{field}".encode()), self.first, self.count)

    @cached_property
    def times(self) -> np.ndarray:
        """When each row happens, as a share of the log's time in [0, 1)."""
        return np.arange(self.first, self.first + self.count) / self.total


@dataclass(frozen=True, kw_only=True)
class Values:
    """What a field holds.

    Shape:
        - codes: ``(rows,)`` ids or buckets, cold ids after the others, and a missing value last of all
        - numbers: ``(rows,)`` of a numeric field
    """

    codes: np.ndarray
    is_missing: np.ndarray | None
    numbers: np.ndarray | None

    def column(self) -> pl.Series:
        """The values as a log shows them: missing is null."""
        column = pl.Series(self.codes if self.numbers is None else self.numbers)
        return column if self.is_missing is None else column.set(pl.Series(self.is_missing), None)


class FieldValues:
    """Draws the values of one field, each row by itself."""

    def __init__(self, field: PlantedField) -> None:
        self.field = field
        self._blocks = [Zipf(size=size, exponent=field.zipf_exponent) for size in field.blocks]

    @property
    def block_chances(self) -> list[np.ndarray]:
        """How frequent each id is among those that were there from the start, and each cold one among the cold."""
        return [block.chances() for block in self._blocks]

    def draw(self, span: Span) -> Values:
        """The values of the rows of ``span``."""
        field, draws = self.field, span.draws("value", self.field.name)
        is_numeric = field.kind == "numeric"
        codes = (draws * field.size).astype(np.int64) if is_numeric else self._blocks[0].ids(draws)
        if field.cold is not None:
            is_cold = (span.times >= field.cold.start) & (span.draws("cold", field.name) < field.cold.share)
            codes[is_cold] = field.size + self._blocks[1].ids(draws[is_cold])
        is_missing = None
        if field.missing:
            is_missing = span.draws("missing", field.name) < field.missing
            codes[is_missing] = sum(field.blocks)
        # The quantiles of the exponential distribution: skewed, as prices and counts are, and each bucket is a range.
        numbers = -np.log1p(-draws) if is_numeric else None
        return Values(codes=codes, is_missing=is_missing, numbers=numbers)
