"""Sources made of other sources: several one after another, or a random share of one."""

from collections.abc import Iterator, Sequence

import polars as pl

from tamis.data.readers.chunks import choose_columns, first_rows, resize_chunks
from tamis.data.readers.source import Source
from tamis.data.row_draws import row_draws
from tamis.errors import DataError


class JoinedSource:
    """The rows of several sources with the same columns, one source after another.

    Raises:
        DataError: there is no source, or two have different columns.
    """

    def __init__(self, sources: Sequence[Source], *, name: str) -> None:
        if not sources:
            raise DataError(f"{name}: needs at least one source to join; got none.")
        self.name = name
        self.columns = sources[0].columns
        for source in sources:
            if source.columns != self.columns:
                raise DataError(
                    f"{source.name}: must have the same columns as {sources[0].name}, {list(self.columns)}; "
                    f"got {list(source.columns)}. Join files of one kind."
                )
        self.files = tuple(file for source in sources for file in source.files)
        self._sources = tuple(sources)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows of the first source, then of the second, and so on."""
        chosen = choose_columns(self.name, self.columns, columns)
        return resize_chunks(chunk for source in self._sources for chunk in source.chunks(chosen))

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self.chunks(), rows)


class CarvedSource:
    """A seeded random share of another source's rows, or with ``is_share`` false the rest of them.

    A row's draw depends on the seed and its number alone, so that share and rest divide the rows exactly.
    """

    def __init__(self, source: Source, *, name: str, fraction: float, is_share: bool, seed: int = 0) -> None:
        self.name, self.files, self.columns = name, source.files, source.columns
        self._source, self._fraction, self._is_share, self._seed = source, fraction, is_share, seed

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The chosen rows in the order of the source."""
        return resize_chunks(self._kept(columns))

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self.chunks(), rows)

    def _kept(self, columns: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        first_row = 0
        for chunk in self._source.chunks(columns):
            is_drawn = row_draws(self._seed, first_row, len(chunk)) < self._fraction
            yield chunk.filter(pl.Series(is_drawn == self._is_share))
            first_row += len(chunk)
