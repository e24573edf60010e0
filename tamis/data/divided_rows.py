"""The rows of one source or of given files, chunk by chunk, each row with the split it belongs to."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from tamis.data.prefetch import prefetched
from tamis.data.readers.source import Source
from tamis.data.split import SPLIT_NAMES, SplitSettings, make_splitter
from tamis.errors import ConfigError
from tamis.features import Schema


class DividedRows:
    """A source with a rule that divides it, or a source for each split.

    Raises:
        ConfigError: sources for each split are given with another kind of split, or without train or valid.
    """

    def __init__(self, source: Source | Mapping[str, Source], schema: Schema, split: SplitSettings) -> None:
        self._sources = dict(source) if isinstance(source, Mapping) else {"": source}
        self._schema = schema
        self._split = split
        self._check_given()
        self._splitter = make_splitter(split)
        self._is_given = split.kind == "given"

    @property
    def name(self) -> str:
        """What the sources are called."""
        return " + ".join(source.name for source in self._sources.values())

    @property
    def files(self) -> list[tuple[Path, str]]:
        """The files to be read, each with the split it was given for."""
        return [(file, split) for split, source in self._sources.items() for file in source.files]

    @property
    def has_only_files(self) -> bool:
        """Whether all rows come from files, so that a checksum can tell that nothing changed."""
        return all(source.files for source in self._sources.values())

    @property
    def description(self) -> str:
        """A short name of the rule, like ``random-8-1-1``."""
        return self._splitter.describe()

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that were asked for, each of which must get rows."""
        if self._is_given:
            return tuple(name for name in SPLIT_NAMES if name in self._sources)
        by_fractions = self._split.kind == "random" or (self._split.kind == "time" and self._split.valid_from is None)
        if by_fractions:
            return tuple(name for name, share in zip(SPLIT_NAMES, self._split.fractions, strict=True) if share > 0)
        if self._split.kind == "column":
            parts = dict(zip(SPLIT_NAMES, self._split.parts, strict=True))
            carved = {"valid"} if self._split.valid_fraction else set()
            return tuple(name for name in SPLIT_NAMES if parts[name] or name in carved)
        return SPLIT_NAMES

    def column_types(self) -> dict[str, dict[str, str]]:
        """The type of each column, as the reader sees it: the same file can be read in several ways."""
        return {
            split: {name: str(dtype) for name, dtype in source.head(1).schema.items() if name in self._columns}
            for split, source in self._sources.items()
        }

    def prepare(self) -> None:
        """Let the rule see what it depends on."""
        if not self._is_given:
            self._splitter.prepare(self._sources[""], self._schema)

    def chunks(self) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
        """Each chunk with the number of the split of each row; the next chunk is read meanwhile."""
        for split, source in self._sources.items():
            first_row = 0
            for chunk in prefetched(source.chunks(self._columns)):
                if self._is_given:
                    yield chunk, np.full(len(chunk), SPLIT_NAMES.index(split), dtype=np.uint8)
                else:
                    yield chunk, self._splitter.assign(chunk, first_row)
                first_row += len(chunk)

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._schema.columns, *self._splitter.columns(self._schema))))

    def _check_given(self) -> None:
        is_given = "" not in self._sources
        if is_given != (self._split.kind == "given"):
            got = f"sources for {', '.join(self._sources)}" if is_given else "one source"
            raise ConfigError(
                "split kind 'given' takes a source for each split, and every other kind takes one source; "
                f"got kind {self._split.kind!r} with {got}."
            )
        if not is_given:
            return
        strange = [name for name in self._sources if name not in SPLIT_NAMES]
        missing = [name for name in ("train", "valid") if name not in self._sources]
        if strange or missing:
            raise ConfigError(
                "given sources must be called train, valid and, if there is one, test; "
                f"got {', '.join(self._sources) or 'none'}. To take validation rows from the training rows, "
                "put all rows into one source with a column that names their part, and use split kind "
                "'column' with valid_fraction."
            )
