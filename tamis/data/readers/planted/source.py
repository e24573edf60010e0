"""A source whose rows are made up as they are read."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tamis.config import read_config, read_toml
from tamis.data.readers.chunks import CHUNK_ROWS, choose_columns
from tamis.data.readers.planted.settings import CHANCE, LABEL, TIME, PlantedSettings
from tamis.data.readers.planted.truth import Truth
from tamis.data.readers.planted.values import FieldValues, Span


class PlantedSource:
    """Rows of a planted log, in order of time.

    A row depends on the settings and its number alone, so that any rows can be made without those before them,
    and chunks of any size hold the same. ``file`` is the file the settings come from: what a checksum covers.

    Example:
        >>> from tamis.data.readers.planted import PlantedField, PlantedInteraction
        >>> users = PlantedField(name="user", size=1000)
        >>> effect = PlantedInteraction(fields=("user",))
        >>> source = PlantedSource(PlantedSettings(fields=(users,), interactions=(effect,), rows=500))
        >>> source.columns
        ('user', 'time', 'click')
        >>> source.slice(499, 1).equals(source.head(500).tail(1))
        True
    """

    def __init__(
        self,
        settings: PlantedSettings,
        *,
        name: str = "planted",
        file: Path | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        self.name = name
        self.settings = settings
        self.files = () if file is None else (file,)
        self.columns = (*settings.columns, TIME, LABEL, *((CHANCE,) if settings.with_chance else ()))
        self._chunk_rows = chunk_rows
        self._fields = {column: FieldValues(field) for column, field in settings.columns.items()}

    @cached_property
    def truth(self) -> Truth:
        """What decides the clicks; made when it is first needed."""
        return Truth(self.settings, self._fields)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in order; only the wanted columns are made, and what they depend on."""
        chosen = choose_columns(self.name, self.columns, columns)
        for first in range(0, self.settings.rows, self._chunk_rows):
            yield self.slice(first, self._chunk_rows, chosen)

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return self.slice(0, rows)

    def slice(self, first_row: int, rows: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Up to ``rows`` rows from number ``first_row`` on."""
        chosen = choose_columns(self.name, self.columns, columns)
        total = self.settings.rows
        span = Span(seed=self.settings.seed, first=first_row, count=max(0, min(rows, total - first_row)), total=total)
        is_decided = LABEL in chosen or CHANCE in chosen
        needed = {*chosen, *(self.truth.fields if is_decided else ())}
        values = {field: drawn.draw(span) for field, drawn in self._fields.items() if field in needed}
        chances = self.truth.chances(values, span) if is_decided else np.zeros(0)
        made: dict[str, pl.Series] = {}
        for name in chosen:
            match name:
                case "time":
                    made[name] = pl.Series(np.floor(span.times * self.settings.seconds).astype(np.int64))
                case "click":
                    made[name] = pl.Series((span.draws("click") < chances).astype(np.int8))
                case "chance":
                    made[name] = pl.Series(chances)
                case _:
                    made[name] = values[name].column()
        return pl.DataFrame(made)


def open_planted(path: Path) -> PlantedSource:
    """The log that a TOML file of ``PlantedSettings`` describes.

    Raises:
        ConfigError: the file is not TOML, or a setting is unknown or breaks its rule.
    """
    return PlantedSource(read_config(PlantedSettings, read_toml(path), where=str(path)), name=path.stem, file=path)
