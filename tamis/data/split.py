"""Which row trains, which validates, which tests: decided by rule, never by the size of a chunk."""

import math
import re
from collections.abc import Callable
from typing import Protocol

import numpy as np
import polars as pl

from tamis.data.last_rows import leave_last_rows
from tamis.data.quantiles import find_ranks, sort_key_of, sort_keys
from tamis.data.readers.chunks import choose_columns
from tamis.data.readers.source import Source
from tamis.data.row_draws import row_draws
from tamis.data.split_settings import SPLIT_NAMES, SplitKind, SplitSettings
from tamis.errors import ConfigError, DataError
from tamis.features.schema import Field, Schema

__all__ = [
    "NOWHERE",
    "SPLIT_NAMES",
    "TEST",
    "TRAIN",
    "VALID",
    "SplitSettings",
    "Splitter",
    "make_splitter",
]

TRAIN, VALID, TEST, NOWHERE = 0, 1, 2, 3
"""The numbers that ``Splitter.assign`` gives; a row that is NOWHERE belongs to no split."""


class Splitter(Protocol):
    """A rule that has seen what it must of the data."""

    @property
    def names(self) -> tuple[str, str, str]:
        """``train``, ``valid`` and ``test``."""
        ...

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """The source columns that ``assign`` looks at."""
        ...

    def prepare(self, source: Source, schema: Schema) -> None:
        """Read what the rule depends on, if anything, in passes over few columns and with bounded memory."""
        ...

    def assign(self, chunk: pl.DataFrame, first_row: int) -> np.ndarray:
        """The part of each row of a chunk (uint8), whose first row is number ``first_row`` of the source."""
        ...

    def describe(self) -> str:
        """A short name for folders of results, like ``random-8-1-1``."""
        ...


def make_splitter(settings: SplitSettings) -> Splitter:
    """The splitter that follows ``settings``.

    Example:
        >>> splitter = make_splitter(SplitSettings(fractions=(0.5, 0.25, 0.25)))
        >>> splitter.describe()
        'random-50-25-25'
        >>> splitter.assign(pl.DataFrame({"x": range(6)}), first_row=0).tolist()
        [1, 0, 0, 0, 2, 2]
    """
    return _SPLITTERS[settings.kind](settings)


class RandomSplitter:
    """Each row by its own draw: number ``r`` of the stream that the seed starts, whatever the chunks."""

    names = SPLIT_NAMES

    def __init__(self, settings: SplitSettings) -> None:
        self.settings = settings
        train, valid, test = settings.fractions
        whole = math.isclose(train + valid + test, 1.0)
        self._bounds = np.array([train, train + valid, math.inf if whole else train + valid + test])

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """None: the number of a row decides."""
        return ()

    def prepare(self, source: Source, schema: Schema) -> None:
        """Nothing to read."""

    def assign(self, chunk: pl.DataFrame, first_row: int) -> np.ndarray:
        """The part in whose share the draw of the row falls."""
        draws = row_draws(self.settings.seed, first_row, len(chunk))
        return np.searchsorted(self._bounds, draws, side="right").astype(np.uint8)

    def describe(self) -> str:
        """``random-8-1-1``; a seed other than 0 is named."""
        return f"random-{_ratio(self.settings.fractions)}{_seed_suffix(self.settings.seed)}"


class TimeSplitter:
    """Before ``valid_from`` trains, from ``test_from`` on tests; found from fractions where not given."""

    names = SPLIT_NAMES

    def __init__(self, settings: SplitSettings) -> None:
        self.settings = settings
        self._column = ""
        self._bounds: np.ndarray | None = None

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """The column of the time."""
        return (_source_column(schema.time, "time", self.settings.kind),)

    def prepare(self, source: Source, schema: Schema) -> None:
        """Find the boundaries; with fractions the exact values at these ranks.

        Raises:
            DataError: there is no time field, a time is missing, or all rows have one time.
        """
        (column,) = self.columns(schema)
        choose_columns(source.name, source.columns, [column])
        self._column = column
        if self.settings.valid_from is not None and self.settings.test_from is not None:
            dtype = source.head(1).schema[column]
            edges = [
                sort_key_of(edge, dtype, where=f"{source.name}: column {column!r}")
                for edge in (self.settings.valid_from, self.settings.test_from)
            ]
            if edges[0] > edges[1]:
                raise ConfigError(
                    f"split valid_from must not lie after test_from; got {self.settings.valid_from!r} and "
                    f"{self.settings.test_from!r}."
                )
        else:
            train, valid, _ = self.settings.fractions
            edges = find_ranks(source, column, (train, train + valid))
        self._bounds = np.array(edges, dtype=np.uint64)

    def assign(self, chunk: pl.DataFrame, first_row: int) -> np.ndarray:
        """The part in whose span the time of the row falls."""
        assert self._bounds is not None, "prepare() has not run"
        keys = sort_keys(chunk[self._column], where=f"column {self._column!r}")
        return np.searchsorted(self._bounds, keys, side="right").astype(np.uint8)

    def describe(self) -> str:
        """``time-8-1-1``, or ``time-FROM-FROM`` where the boundaries are given."""
        if self.settings.valid_from is None:
            return f"time-{_ratio(self.settings.fractions)}"
        edges = (self.settings.valid_from, self.settings.test_from)
        texts = (edge if isinstance(edge, str) else f"{edge:.15g}" for edge in edges)
        return "time-" + "-".join(re.sub(r"[^0-9A-Za-z.]", "", text) for text in texts)


class LeaveLastSplitter:
    """Of each group the latest rows test, those before them validate; of equal times the later row is later.

    A group of ``last`` rows or fewer has test rows only, one of twice as many no training row.
    """

    names = SPLIT_NAMES

    def __init__(self, settings: SplitSettings) -> None:
        self.settings = settings
        self._rows = [np.zeros(0, dtype=np.int64)] * 2

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """None: the number of a row decides."""
        return ()

    def prepare(self, source: Source, schema: Schema) -> None:
        """Find the last rows of each group; memory grows with the number of groups, not of rows.

        Raises:
            DataError: there is no group or time field, or a time or a group is missing.
        """
        group = _source_column(schema.group, "group", self.settings.kind)
        time = _source_column(schema.time, "time", self.settings.kind)
        valid, test = leave_last_rows(source, group=group, time=time, last=self.settings.last)
        self._rows = [valid, test]

    def assign(self, chunk: pl.DataFrame, first_row: int) -> np.ndarray:
        """The part of each row by its number."""
        parts = np.zeros(len(chunk), dtype=np.uint8)
        for part, rows in zip((VALID, TEST), self._rows, strict=True):
            start, stop = np.searchsorted(rows, [first_row, first_row + len(chunk)])
            parts[rows[start:stop] - first_row] = part
        return parts

    def describe(self) -> str:
        """``last-1``."""
        return f"last-{self.settings.last}"


class ColumnSplitter:
    """The values of a column name the part; a random share of the training rows may go to validation."""

    names = SPLIT_NAMES

    def __init__(self, settings: SplitSettings) -> None:
        assert settings.column is not None
        self.settings = settings
        self._column = settings.column

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """The column that tells the parts."""
        return (self._column,)

    def prepare(self, source: Source, schema: Schema) -> None:
        """Only look whether the column is there.

        Raises:
            DataError: the source has no such column.
        """
        choose_columns(source.name, source.columns, [self._column])

    def assign(self, chunk: pl.DataFrame, first_row: int) -> np.ndarray:
        """The part that lists the value of the row; a value listed nowhere, or missing, is in no split."""
        values = chunk[self._column]
        if values.dtype.is_float():
            values = values.cast(pl.Int64, strict=False)
        texts = values.cast(pl.String)
        parts = np.full(len(chunk), NOWHERE, dtype=np.uint8)
        for part, listed in enumerate(self.settings.parts):
            parts[texts.is_in(list(listed)).fill_null(False).to_numpy()] = part
        if self.settings.valid_fraction:
            draws = row_draws(self.settings.seed, first_row, len(chunk))
            parts[(parts == TRAIN) & (draws < self.settings.valid_fraction)] = VALID
        return parts

    def describe(self) -> str:
        """``column-part``."""
        return f"column-{self._column}{_seed_suffix(self.settings.seed)}"


class GivenSplitter:
    """Each part is a source of its own, and so there is nothing to assign."""

    names = SPLIT_NAMES

    def __init__(self, settings: SplitSettings) -> None:
        self.settings = settings

    def columns(self, schema: Schema) -> tuple[str, ...]:
        """None: the number of a row decides."""
        return ()

    def prepare(self, source: Source, schema: Schema) -> None:
        """Refuse: one source cannot be all three.

        Raises:
            DataError: always.
        """
        raise DataError(
            f"{source.name}: split kind 'given' needs one source for each of {list(SPLIT_NAMES)}; got a "
            "single source. "
            "Name the files, or choose another kind of split."
        )

    def assign(self, chunk: pl.DataFrame, first_row: int) -> np.ndarray:
        """Refuse, like ``prepare``.

        Raises:
            DataError: always.
        """
        raise DataError("split kind 'given': the parts are sources of their own; no row is assigned to one.")

    def describe(self) -> str:
        """``given``."""
        return "given"


_SPLITTERS: dict[SplitKind, Callable[[SplitSettings], Splitter]] = {
    "random": RandomSplitter,
    "time": TimeSplitter,
    "leave_last": LeaveLastSplitter,
    "column": ColumnSplitter,
    "given": GivenSplitter,
}


def _source_column(field: Field | None, role: str, kind: str) -> str:
    if field is None:
        raise DataError(
            f"split kind {kind!r} needs a {role} field, and the schema has none. "
            f'Give a field kind = "{role}", or choose another kind of split.'
        )
    return field.source


def _ratio(fractions: tuple[float, float, float]) -> str:
    """The shares as the smallest of tenths, hundredths and thousandths that says them, like ``8-1-1``."""
    scale = next(
        (scale for scale in (10, 100) if all(math.isclose(f * scale, round(f * scale)) for f in fractions)),
        1000,
    )
    return "-".join(str(round(fraction * scale)) for fraction in fractions)


def _seed_suffix(seed: int) -> str:
    return f"-seed-{seed}" if seed else ""
