"""The file that ``tamis predict`` fills, chunk by chunk: Parquet or separated text."""

from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from tamis.config import suggest
from tamis.errors import ConfigError

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


class ScoreFile:
    """A file open for writing; its kind follows the ending of ``like``.

    Raises:
        ConfigError: the ending is none that can be written.
    """

    def __init__(self, path: Path, *, like: Path) -> None:
        kinds = [".parquet", *_SEPARATORS]
        if like.suffix not in kinds:
            raise ConfigError(f"{like}: scores are written as {', '.join(kinds)}. {suggest(like.suffix, kinds)}")
        self._separator = _SEPARATORS.get(like.suffix)
        self._path = path
        self._parquet: pq.ParquetWriter | None = None
        self._rows = 0

    def __enter__(self) -> "ScoreFile":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        return self

    def write(self, frame: pl.DataFrame, scores: dict[str, np.ndarray]) -> None:
        """Add some rows with their scores."""
        frame = frame.with_columns(**{name: pl.Series(values) for name, values in scores.items()})
        if self._separator is None:
            table = frame.to_arrow()
            self._parquet = self._parquet or pq.ParquetWriter(self._path, table.schema)
            self._parquet.write_table(table.cast(self._parquet.schema))
        else:
            with open(self._path, "ab") as file:
                frame.write_csv(file, separator=self._separator, include_header=self._rows == 0)
        self._rows += len(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._parquet is not None:
            self._parquet.close()
