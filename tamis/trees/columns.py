"""Encoded rows as one table of numbers, which trees can cut."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tamis.data import EncodedSplit
from tamis.data.row_draws import row_draws
from tamis.errors import ConfigError
from tamis.features import Layout

Encoding = Literal["rates", "categories"]
FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class _Rates:
    """The positive rate of each id of a field: in all training rows, and in those outside of each fold.

    Shape:
        - whole: ``(ids,)``; outside: ``(ids, FOLDS)``
    """

    whole: np.ndarray
    outside: np.ndarray


class TreeColumns:
    """One column for each number of a row, in the order of the layout's id fields, lists, and dense fields.

    An id becomes two columns with ``rates``: the id, which orders buckets by their edges and other ids by how often
    training saw them, and the positive rate of the training rows with that id, drawn to the overall rate as if by
    ``smoothing`` further rows. With ``categories`` it is one column of numbers without order. A list becomes its length
    and the mean rate of its ids, in both. Dense fields stay as they are.

    Rates know training labels. So training rows see those of the other folds (five, drawn by ``seed``), which do not
    hold their own label; other rows see those of all training rows.

    Raises:
        ConfigError: the rows have several labels.
    """

    def __init__(
        self, layout: Layout, train: EncodedSplit, *, encoding: Encoding, smoothing: float = 10.0, seed: int = 0
    ) -> None:
        if len(layout.tasks) != 1:
            raise ConfigError(
                f"trees learn one label; the data have {len(layout.tasks)}, {', '.join(layout.tasks)}. "
                "Leave the reference out."
            )
        self._layout, self._train, self._encoding = layout, train, encoding
        self._labels = np.asarray(train.labels[layout.tasks[0]], dtype=np.float64)
        self._prior, self._smoothing = float(self._labels.mean()), smoothing
        self._folds = (row_draws(seed, 0, train.rows) * FOLDS).astype(np.int64)
        self._rates = {
            **({} if self._is_categorical else {f.name: self._fit(f.table, train.ids[f.name]) for f in layout.ids}),
            **{f.name: self._fit(f.table, *_flat(train, f.name)) for f in layout.lists},
        }

    @property
    def categorical(self) -> list[int]:
        """The places of the columns without order."""
        return list(range(len(self._layout.ids))) if self._is_categorical else []

    def training(self) -> np.ndarray:
        """The training rows, each with rates that do not know its label.

        Shape:
            - output: ``(rows, columns)`` float32
        """
        return self._table(self._train, self._folds)

    def of(self, split: EncodedSplit) -> np.ndarray:
        """Other rows, with the rates of all training rows.

        Shape:
            - output: ``(rows, columns)`` float32
        """
        return self._table(split, None)

    @property
    def _is_categorical(self) -> bool:
        return self._encoding == "categories"

    def _table(self, split: EncodedSplit, folds: np.ndarray | None) -> np.ndarray:
        columns: list[np.ndarray] = []
        for field in self._layout.ids:
            ids = split.ids[field.name]
            columns += [ids] if self._is_categorical else [ids, _looked_up(self._rates[field.name], ids, folds)]
        for field in self._layout.lists:
            ids, rows = _flat(split, field.name)
            lengths = np.bincount(rows, minlength=split.rows)
            rates = _looked_up(self._rates[field.name], ids, None if folds is None else folds[rows])
            sums = np.bincount(rows, weights=rates, minlength=split.rows)
            columns += [lengths, np.where(lengths > 0, sums / np.maximum(lengths, 1), self._prior)]
        for field in self._layout.dense:
            columns += list(np.asarray(split.dense[field.name]).T)
        return np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")

    def _fit(self, table: str, ids: np.ndarray, rows: np.ndarray | None = None) -> _Rates:
        """``ids`` of all training rows; ``rows`` says whose they are, where rows have several or none."""
        size = self._layout.tables[table]
        labels, folds = (self._labels, self._folds) if rows is None else (self._labels[rows], self._folds[rows])
        places = np.asarray(ids, dtype=np.int64) * FOLDS + folds
        counts = np.bincount(places, minlength=size * FOLDS).reshape(size, FOLDS)
        positives = np.bincount(places, weights=labels, minlength=size * FOLDS).reshape(size, FOLDS)

        def rate(positives: np.ndarray, counts: np.ndarray) -> np.ndarray:
            return (positives + self._smoothing * self._prior) / (counts + self._smoothing)

        all_positives, all_counts = positives.sum(axis=1), counts.sum(axis=1)
        outside = rate(all_positives[:, None] - positives, all_counts[:, None] - counts)
        return _Rates(whole=rate(all_positives, all_counts), outside=outside)


def _looked_up(rates: _Rates, ids: np.ndarray, folds: np.ndarray | None) -> np.ndarray:
    return rates.whole[ids] if folds is None else rates.outside[ids, folds]


def _flat(split: EncodedSplit, name: str) -> tuple[np.ndarray, np.ndarray]:
    """All ids of a list field one after another, and the row of each."""
    column = split.lists[name]
    lengths = np.diff(np.asarray(column.offsets, dtype=np.int64))
    return np.asarray(column.values), np.repeat(np.arange(split.rows), lengths)
