"""Some encoded rows side by side in memory, from a file or just encoded, from which batches are cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tamis.batch import Batch
from tamis.data.encoded_set import EncodedSplit
from tamis.errors import DataError
from tamis.features import EncodedChunk, Layout, ListColumn

Columns = EncodedChunk | EncodedSplit
"""Rows in memory or rows in files: the same parts under the same names."""


@dataclass(frozen=True, kw_only=True)
class RowBlock:
    """Rows as matrices, in the layout's order of fields; lists still of their own lengths.

    Shape:
        - ids: ``(rows, id fields)`` int32
        - lists: one pair of ``(values,)`` int32 and offsets ``(rows + 1,)`` int64 a list field
        - dense: ``(rows, dense width)`` float32
        - labels: ``(rows, tasks)`` float32; weights float32, groups int64: ``(rows,)``; each may be None
    """

    ids: np.ndarray
    lists: tuple[tuple[np.ndarray, np.ndarray], ...]
    dense: np.ndarray
    labels: np.ndarray | None
    weights: np.ndarray | None
    groups: np.ndarray | None

    @classmethod
    def read(cls, columns: Columns, layout: Layout, ranges: Sequence[tuple[int, int]]) -> "RowBlock":
        """Copy ``ranges`` of rows, each from first to past-the-last, one after the other."""
        groups, weights = columns.groups, columns.weights
        return cls(
            ids=_side_by_side([columns.ids[f.name] for f in layout.ids], ranges, np.int32),
            lists=tuple(_read_lists(columns.lists[f.name], ranges) for f in layout.lists),
            dense=_side_by_side([columns.dense[f.name] for f in layout.dense], ranges, np.float32),
            labels=_side_by_side([columns.labels[task] for task in layout.tasks], ranges, np.float32)
            if columns.labels
            else None,
            weights=None if weights is None else _side_by_side([weights], ranges, np.float32)[:, 0],
            groups=None if groups is None else _side_by_side([groups], ranges, np.int64)[:, 0],
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def num_bytes(self) -> int:
        """The memory that the rows take."""
        columns = (self.ids, self.dense, self.labels, self.weights, self.groups)
        lists = (part.nbytes for pair in self.lists for part in pair)
        return sum(column.nbytes for column in columns if column is not None) + sum(lists)

    def take(self, rows: np.ndarray) -> "RowBlock":
        """The rows at the positions ``rows``, in that order."""
        return RowBlock(
            ids=self.ids[rows],
            lists=tuple(_take_lists(values, offsets, rows) for values, offsets in self.lists),
            dense=self.dense[rows],
            labels=None if self.labels is None else self.labels[rows],
            weights=None if self.weights is None else self.weights[rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    def to_batch(self, layout: Layout) -> Batch:
        """Make tensors of the rows; the only place where a ``Batch`` is born.

        Raises:
            DataError: an id lies outside its table.
        """
        limits = np.asarray(layout.id_limits, dtype=np.uint32)
        _check_ids(self.ids, limits, [f.name for f in layout.ids])
        padded = [_pad(values, offsets) for values, offsets in self.lists]
        for f, ids in zip(layout.lists, padded, strict=True):
            _check_ids(ids, np.array([layout.tables[f.table]], dtype=np.uint32), [f.name])
        scenario = next((i for i, f in enumerate(layout.ids) if f.name == layout.scenario), None)
        return Batch(
            ids=torch.from_numpy(self.ids),
            lists=tuple(torch.from_numpy(ids) for ids in padded),
            dense=torch.from_numpy(self.dense),
            labels=None if self.labels is None else torch.from_numpy(self.labels),
            weights=None if self.weights is None else torch.from_numpy(self.weights),
            groups=None if self.groups is None else torch.from_numpy(self.groups),
            scenarios=None if scenario is None else torch.from_numpy(self.ids[:, scenario].astype(np.int64)),
        )


def join_blocks(blocks: Sequence[RowBlock]) -> RowBlock:
    """The rows of several blocks, one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    first = blocks[0]

    def join(name: str) -> np.ndarray | None:
        return None if getattr(first, name) is None else np.concatenate([getattr(block, name) for block in blocks])

    return RowBlock(
        ids=np.concatenate([block.ids for block in blocks]),
        lists=tuple(_join_lists([block.lists[i] for block in blocks]) for i in range(len(first.lists))),
        dense=np.concatenate([block.dense for block in blocks]),
        labels=join("labels"),
        weights=join("weights"),
        groups=join("groups"),
    )


def _side_by_side(columns: Sequence[np.ndarray], ranges: Sequence[tuple[int, int]], dtype: type) -> np.ndarray:
    """Copy ranges of all columns into one matrix, one range after another: a range fits in the cache."""
    rows = sum(stop - start for start, stop in ranges)
    widths = [1 if column.ndim == 1 else column.shape[1] for column in columns]
    matrix = np.empty((rows, sum(widths)), dtype=dtype)
    place = 0
    for start, stop in ranges:
        left = 0
        for column, width in zip(columns, widths, strict=True):
            values = column[start:stop].reshape(stop - start, width)
            matrix[place : place + stop - start, left : left + width] = values
            left += width
        place += stop - start
    return matrix


def _read_lists(column: ListColumn, ranges: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    pieces = []
    for start, stop in ranges:
        offsets = np.asarray(column.offsets[start : stop + 1])
        values = np.asarray(column.values[offsets[0] : offsets[-1]]).astype(np.int32)
        pieces.append((values, offsets - offsets[0]))
    return _join_lists(pieces)


def _join_lists(pieces: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.concatenate([np.diff(offsets) for _, offsets in pieces])
    return np.concatenate([values for values, _ in pieces]), _offsets(lengths)


def _take_lists(values: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.diff(offsets)[rows]
    taken = _offsets(lengths)
    shift = np.repeat(offsets[rows] - taken[:-1], lengths)
    return values[shift + np.arange(taken[-1])], taken


def _offsets(lengths: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _pad(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Lists as a matrix as wide as the longest and at least one wide, filled up with padding at the end."""
    lengths = np.diff(offsets)
    width = max(1, int(lengths.max(initial=0)))
    matrix = np.zeros((len(lengths), width), dtype=np.int32)
    matrix[np.arange(width) < lengths[:, None]] = values
    return matrix


def _check_ids(ids: np.ndarray, limits: np.ndarray, names: Sequence[str]) -> None:
    """Compare the largest id of each column with its table; seen as unsigned, a negative id is a huge one."""
    if not ids.size:
        return
    largest = ids.view(np.uint32).max(axis=0)
    if len(limits) == 1:  # a list field: every column of its matrix stands for the same table
        largest = largest.max(keepdims=True)
    wrong = np.flatnonzero(largest >= limits)
    if wrong.size:
        at = wrong[0]
        got = int(largest[at : at + 1].view(np.int32)[0])
        raise DataError(
            f"the ids of field {names[at]!r} must be from 0 to {limits[at] - 1}, the last of their table; "
            f"got {got}. They come from other encoders or a damaged file: encode the rows again."
        )
