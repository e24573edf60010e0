"""A source of batches over rows that are already in memory: for tests, and for tensors of one's own."""

from collections.abc import Iterator

import torch

from tamis.batch import Batch
from tamis.errors import DataError


class MemorySource:
    """A ``BatchSource`` over one large batch; with ``shuffle_seed`` each epoch has an order of its own.

    Batches have nearly equal sizes, so that none is too small for BatchNorm.

    Example:
        >>> rows = Batch(ids=torch.arange(5)[:, None], dense=torch.zeros(5, 0))
        >>> source = MemorySource(rows, batch_size=3)
        >>> [batch.ids.flatten().tolist() for batch in source.epoch(0)]
        [[0, 1], [2, 3, 4]]
        >>> [batch.ids.flatten().tolist() for batch in source.epoch(0, start=1, rank=0, count=2)]
        [[2]]
    """

    def __init__(self, rows: Batch, *, batch_size: int, shuffle_seed: int | None = None) -> None:
        if batch_size < 1:
            raise DataError(f"MemorySource batch_size must be at least 1; got {batch_size}.")
        if len(rows) < 1:
            raise DataError("MemorySource needs at least one row; got none.")
        self.rows = len(rows)
        self._batch = rows
        self._batches = -(-self.rows // batch_size)
        self._shuffle_seed = shuffle_seed

    def __len__(self) -> int:
        return self._batches

    def rows_of(self, step: int) -> int:
        """The rows of batch ``step`` over all processes together."""
        return self._edge(step + 1) - self._edge(step)

    def epoch(self, number: int, *, start: int = 0, rank: int = 0, count: int = 1) -> Iterator[Batch]:
        """The batches of one epoch from batch ``start`` on; process ``rank`` of ``count`` gets its share."""
        order = torch.arange(self.rows)
        if self._shuffle_seed is not None:
            generator = torch.Generator().manual_seed(self._shuffle_seed * 1_000_003 + number)
            order = torch.randperm(self.rows, generator=generator)
        for step in range(start, len(self)):
            first, rows = self._edge(step), self.rows_of(step)
            yield self._batch[order[first + rows * rank // count : first + rows * (rank + 1) // count]]

    def _edge(self, step: int) -> int:
        return self.rows * step // self._batches
