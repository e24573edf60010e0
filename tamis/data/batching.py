"""Batches of an encoded split, or of raw rows just encoded: the door to training, evaluation and scoring."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tamis.batch import Batch
from tamis.data.encoded_set import EncodedSplit
from tamis.data.prefetch import prefetched
from tamis.data.row_block import RowBlock, join_blocks
from tamis.data.row_share import RowShare
from tamis.errors import ConfigError, DataError
from tamis.features import EncodedChunk, Layout, ListColumn

Ranges = Sequence[tuple[int, int]]


def make_batch(chunk: EncodedChunk, layout: Layout) -> Batch:
    """Make one batch of all rows of an encoded chunk; scoring and training share every step from here on.

    Raises:
        DataError: an id lies outside its table.
    """
    return RowBlock.read(chunk, layout, [(0, chunk.rows)]).to_batch(layout)


def make_partial_batch(chunk: EncodedChunk, layout: Layout) -> Batch:
    """Make a batch of all fields from a chunk that lacks some: those hold padding, empty lists and zeros.

    Raises:
        DataError: an id lies outside its table.
    """
    return read_partial(chunk, layout).to_batch(layout)


def read_partial(chunk: EncodedChunk, layout: Layout) -> RowBlock:
    """The rows of ``make_partial_batch``, from which batches can still be cut."""
    nothing = np.zeros(chunk.rows, dtype=np.int32)
    empty = ListColumn(values=np.zeros(0, dtype=np.int32), offsets=np.zeros(chunk.rows + 1, dtype=np.int64))
    filled = replace(
        chunk,
        ids={field.name: chunk.ids.get(field.name, nothing) for field in layout.ids},
        lists={field.name: chunk.lists.get(field.name, empty) for field in layout.lists},
        dense={
            field.name: chunk.dense[field.name]
            if field.name in chunk.dense
            else np.zeros((chunk.rows, field.width), dtype=np.float32)
            for field in layout.dense
        },
    )
    return RowBlock.read(filled, layout, [(0, chunk.rows)])


class EncodedBatches:
    """The batches of one split, epoch after epoch (a ``BatchSource``).

    The sizes of the batches of an epoch differ by one row at most, so there is no tiny last batch. With
    ``shuffle_seed`` the order is that of a shuffled log: chunks of ``chunk_rows`` neighbouring rows are put
    in random order, and each ``buffer_chunks`` of them are mixed row by row. The order depends on the seed
    and the epoch alone; not on the batch size, the number of processes or where an epoch is entered. Without
    a seed the rows come as they lie in the file. A thread reads the next rows while the current ones are
    used.

    With a ``share`` below 1 only the rows of that share (see ``RowShare``) are there; a buffer then takes more chunks,
    so that as many rows are mixed.

    Raises:
        ConfigError: a number of rows or chunks is below 1, or a share is asked for in file order.
        DataError: the split has no rows, or the share has none of them.
    """

    def __init__(
        self,
        split: EncodedSplit | EncodedChunk,
        layout: Layout,
        *,
        batch_size: int,
        shuffle_seed: int | None = None,
        chunk_rows: int = 16_384,
        buffer_chunks: int = 16,
        share: float = 1.0,
    ) -> None:
        for name, value in (
            ("batch_size", batch_size),
            ("chunk_rows", chunk_rows),
            ("buffer_chunks", buffer_chunks),
        ):
            if value < 1:
                raise ConfigError(f"{name} must be at least 1; got {value}.")
        if split.rows < 1:
            raise DataError("a split must have rows to make batches of; it has none.")
        if share != 1 and shuffle_seed is None:
            raise ConfigError("a share of rows is for training, which shuffles: give a shuffle_seed, or no share.")
        self.split = split
        self.layout = layout
        self.share = RowShare(share)
        self._chunk_counts = self.share.counts(split.rows, chunk_rows)
        self.rows = int(self._chunk_counts.sum())
        if not self.rows:
            raise DataError(f"a share of {share:g} has none of the {split.rows:,} rows. Take a larger train_share.")
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.chunk_rows = chunk_rows
        self.buffer_chunks = buffer_chunks

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def rows_of(self, step: int) -> int:
        """The rows of batch ``step`` over all processes together."""
        return self._bound(step + 1) - self._bound(step)

    def epoch(self, number: int, *, start: int = 0, rank: int = 0, count: int = 1) -> Iterator[Batch]:
        """The batches of epoch ``number`` from ``start`` on; process ``rank`` of ``count`` gets its share.

        Of a batch of ``n`` rows, process ``rank`` gets rows ``n * rank // count`` up to ``n * (rank + 1) //
        count``.
        """
        shares = [self._share(step, rank, count) for step in range(start, len(self))]
        if self.shuffle_seed is None:
            return prefetched(self._in_file_order(shares))
        return self._shuffled(number, shares)

    def _bound(self, step: int) -> int:
        return self.rows * step // len(self)

    def _share(self, step: int, rank: int, count: int) -> tuple[int, int]:
        first, size = self._bound(step), self.rows_of(step)
        return first + size * rank // count, first + size * (rank + 1) // count

    def _in_file_order(self, shares: Ranges) -> Iterator[Batch]:
        read = 0
        for start, stop in shares:
            yield RowBlock.read(self.split, self.layout, [(start, stop)]).to_batch(self.layout)
            read += stop - start
            if read >= self.chunk_rows * self.buffer_chunks:
                self._release()
                read = 0
        self._release()

    def _shuffled(self, epoch: int, shares: Ranges) -> Iterator[Batch]:
        """Cut the stream of mixed rows at the bounds of ``shares``; a batch may lie across two buffers."""
        if not shares:
            return
        waiting = iter(shares)
        start, stop = next(waiting)
        pieces: list[RowBlock] = []
        for first, order, block in prefetched(self._buffers(epoch, shares[0][0])):
            last = first + len(block)
            while True:
                low, high = max(start, first), min(stop, last)
                if low < high or (start == stop and not pieces):
                    pieces.append(block.take(order[low - first : max(low, high) - first]))
                if stop > last:
                    break
                yield join_blocks(pieces).to_batch(self.layout)
                pieces = []
                if (share := next(waiting, None)) is None:
                    return
                start, stop = share

    def _buffers(self, epoch: int, begin: int) -> Iterator[tuple[int, np.ndarray, RowBlock]]:
        """Each buffer from the one with row ``begin`` of the stream on: first row, order, rows."""
        chunks = self._random(epoch, 0).permutation(len(self._chunk_counts))
        starts = chunks * self.chunk_rows
        stops = np.minimum(starts + self.chunk_rows, self.split.rows)
        first, size = 0, max(1, round(self.buffer_chunks / self.share.share))
        for buffer, at in enumerate(range(0, len(chunks), size)):
            rows = int(self._chunk_counts[chunks[at : at + size]].sum())
            if first + rows > begin:
                places = zip(starts[at : at + size], stops[at : at + size], strict=True)
                block = self._read([(int(low), int(high)) for low, high in places])
                self._release()
                yield first, self._random(epoch, 1 + buffer).permutation(rows), block
            first += rows

    def _read(self, ranges: Ranges) -> RowBlock:
        """The rows of the share within ``ranges``; never more than a chunk beside those kept."""
        if self.share.share == 1:
            return RowBlock.read(self.split, self.layout, ranges)
        blocks = []
        for low, high in ranges:
            kept = self.share.kept(low, high - low)
            blocks.append(RowBlock.read(self.split, self.layout, [(low, high)]).take(kept))
        return join_blocks(blocks)

    def _random(self, epoch: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.shuffle_seed, spawn_key=(epoch, purpose)))

    def _release(self) -> None:
        if isinstance(self.split, EncodedSplit):
            self.split.release()
