"""Frappe's training part, made again from the raw log and the two other published parts."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from tamis.data.readers.chunks import choose_columns, first_rows, resize_chunks
from tamis.data.readers.csv import CsvSource
from tamis.data.readers.libsvm import LibsvmSource
from tamis.errors import DataError

NAMES = (
    *("user", "item", "daytime", "weekday", "isweekend"),
    *("homework", "cost", "weather", "country", "city"),
)
"""The fields of a row, in the order of the published files."""

_FIELDS = [f"field_{i}" for i in range(len(NAMES))]
_CONTEXT = [_FIELDS[0], *_FIELDS[2:]]
_NEGATIVES = 2


class FrappeTraining:
    """The rows of the published training part, but for the apps of its negatives, which are drawn anew.

    In the published files a feature's number follows from the order in which its field's values first appear in the
    raw log. So the logs that are neither in the validation nor in the test part are exactly the training part's
    positives. Each log has two negatives: its user and situation with apps that the user has never used, no app twice
    for one user. Those that the other parts already hold are left out, and what is missing is drawn, so that the
    training part has as many negatives in each situation as the published one.

    Source: He and Chua 2017, "Neural factorization machines", section 4.1, for two negatives a log; that apps never
    used are drawn, and none twice for one user, is read off the published parts.

    Raises:
        DataError: the files do not belong together.
    """

    columns = ("label", *_FIELDS)

    def __init__(self, log: Path, *, valid: Path, test: Path, name: str, seed: int = 0) -> None:
        self.name, self.files = name, (log, valid, test)
        self._seed = seed

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The rows in an order drawn once."""
        chosen = choose_columns(self.name, self.columns, columns)
        return resize_chunks([self._rows.select(chosen)])

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows([self._rows], rows)

    @cached_property
    def _rows(self) -> pl.DataFrame:
        log, *others = self.files
        logs = number_features(pl.concat(CsvSource(log, separator="\t").chunks(NAMES)))
        known = pl.concat(chunk for part in others for chunk in LibsvmSource(part, as_lists=False).chunks())
        positives, negatives = (known.filter(pl.col("label") == label).select(_FIELDS) for label in (1, -1))
        random = np.random.default_rng(self._seed)
        rows = pl.concat(
            [
                self._remaining(logs, positives).select(pl.lit(1).cast(pl.Int64).alias("label"), *_FIELDS),
                self._drawn(logs, negatives, random).select(pl.lit(-1).cast(pl.Int64).alias("label"), *_FIELDS),
            ]
        )
        return rows[random.permutation(len(rows))]

    def _remaining(self, logs: pl.DataFrame, positives: pl.DataFrame) -> pl.DataFrame:
        """The logs that are no positives of the other parts; one that is there twice may be in two parts."""
        counted = [part.with_columns(pl.int_range(pl.len()).over(_FIELDS).alias("time")) for part in (logs, positives)]
        rest = counted[0].join(counted[1], on=[*_FIELDS, "time"], how="anti", maintain_order="left")
        if len(rest) + len(positives) != len(logs):
            missing = len(rest) + len(positives) - len(logs)
            raise DataError(
                f"{self.files[0]}: must hold every positive row of {self.files[1].name} and {self.files[2].name}; "
                f"{missing:,} are missing. Get the three files of one release."
            )
        return rest

    def _drawn(self, logs: pl.DataFrame, negatives: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
        """For each situation as many negatives as its logs have in all, less those that are known."""
        asked = logs.group_by(_CONTEXT, maintain_order=True).len("logs")
        asked = asked.join(
            negatives.group_by(_CONTEXT).len("known"), on=_CONTEXT, how="left", maintain_order="left"
        ).with_columns(missing=_NEGATIVES * pl.col("logs") - pl.col("known").fill_null(0))
        wanted = asked[np.repeat(np.arange(len(asked)), asked["missing"].to_numpy())]
        users = wanted["field_0"].to_numpy()
        first_item = logs["field_1"].min()
        assert isinstance(first_item, int)

        # Apps in random order for each user, those not to be drawn last.
        taken = pl.concat([logs, negatives])
        order = random.random((logs["field_0"].n_unique(), logs["field_1"].n_unique()))
        order[taken["field_0"].to_numpy(), taken["field_1"].to_numpy() - first_item] = np.inf
        free = np.isfinite(order).sum(axis=1)
        place = wanted.select(pl.int_range(pl.len()).over("field_0")).to_series().to_numpy()
        if (place >= free[users]).any():
            raise DataError(
                f"{self.files[0]}: each negative of a user needs an app of its own that the user has not used; "
                f"user {users[place >= free[users]][0]} has too few. Get the three files of one release."
            )
        items = np.argsort(order, axis=1, kind="stable")[users, place] + first_item
        return wanted.with_columns(pl.Series("field_1", items, dtype=pl.Int64))


def number_features(logs: pl.DataFrame) -> pl.DataFrame:
    """The features of each field numbered by first appearance, each field from where the one before ends.

    Example:
        >>> number_features(pl.DataFrame({"user": [7, 3, 7], "item": ["b", "b", "a"]})).rows()
        [(0, 2), (1, 2), (0, 3)]
    """
    numbered, first = [], 0
    for place, column in enumerate(logs.columns):
        values = logs[column].unique(maintain_order=True)
        codes = pl.int_range(first, first + len(values), eager=True)
        numbered.append(logs[column].replace_strict(values, codes, return_dtype=pl.Int64).alias(f"field_{place}"))
        first += len(values)
    return pl.DataFrame(numbered)
