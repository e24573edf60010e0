"""Every row once an epoch, in an order that depends on nothing but the seed and the epoch."""

import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.batch import Batch
from tamis.data.batching import EncodedBatches, make_batch
from tamis.data.encoded_set import EncodedSplit
from tamis.data.prefetch import prefetched
from tamis.errors import ConfigError, DataError
from tamis.features import EncodedChunk, ListColumn
from tamis.features.layout import DenseField, IdField, Layout, ListField

LAYOUT = Layout(
    tables={"row": 100_000, "country": 7, "tag": 50},
    ids=(
        IdField(name="row", table="row"),
        IdField(name="country", table="country"),
        IdField(name="place", table="country"),
    ),
    lists=(
        ListField(name="tags", table="tag", max_length=4, ordered=False),
        ListField(name="history", table="row", max_length=3, ordered=True),
    ),
    dense=(DenseField(name="age", width=2), DenseField(name="picture", width=3)),
    tasks=("click", "like"),
    scenario="country",
)


def make_rows(rows: int, *, kind: type = EncodedSplit) -> EncodedSplit | EncodedChunk:
    """Rows whose id ``row`` is their number, so that a batch tells which rows it holds."""
    random = np.random.default_rng(7)

    def some_lists(limit: int, longest: int) -> ListColumn:
        lengths = random.integers(0, longest + 1, rows)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return ListColumn(values=random.integers(1, limit, offsets[-1]).astype(np.int32), offsets=offsets)

    parts = {
        "rows": rows,
        "ids": {
            "row": np.arange(rows, dtype=np.int32),
            "country": random.integers(1, 7, rows).astype(np.uint8),
            "place": random.integers(1, 7, rows).astype(np.uint16),
        },
        "lists": {"tags": some_lists(50, 4), "history": some_lists(1000, 3)},
        "dense": {
            "age": random.normal(size=(rows, 2)).astype(np.float32),
            "picture": random.normal(size=(rows, 3)).astype(np.float32),
        },
        "labels": {
            "click": random.integers(0, 2, rows).astype(np.uint8),
            "like": random.integers(0, 2, rows).astype(np.uint8),
        },
        "weights": random.random(rows, dtype=np.float32),
        "groups": random.integers(-(2**62), 2**62, rows),
    }
    return EncodedSplit(name="train", **parts) if kind is EncodedSplit else EncodedChunk(**parts)


def assert_holds(batch: Batch, split: EncodedSplit | EncodedChunk, numbers: list[int]) -> None:
    """Compare a batch with the rows of ``numbers``, value by value."""
    assert len(batch) == len(numbers)
    for place, row in enumerate(numbers):
        assert batch.ids[place].tolist() == [row, split.ids["country"][row], split.ids["place"][row]]
        assert batch.scenarios[place] == split.ids["country"][row]
        for tensor, name in zip(batch.lists, ("tags", "history"), strict=True):
            column = split.lists[name]
            values = column.values[column.offsets[row] : column.offsets[row + 1]].tolist()
            assert tensor[place].tolist() == values + [0] * (tensor.shape[1] - len(values))
        assert batch.dense[place].tolist() == [*split.dense["age"][row], *split.dense["picture"][row]]
        assert batch.labels[place].tolist() == [split.labels["click"][row], split.labels["like"][row]]
        assert batch.weights[place] == split.weights[row]
        assert batch.groups[place] == split.groups[row]


def numbers_of(batches: list[Batch]) -> list[int]:
    return [int(number) for batch in batches for number in batch.ids[:, 0]]


def assert_equal(first: Batch, second: Batch) -> None:
    for name in ("ids", "dense", "labels", "weights", "groups", "scenarios"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
        assert getattr(first, name).dtype == getattr(second, name).dtype
    for one, other in zip(first.lists, second.lists, strict=True):
        assert torch.equal(one, other)


sizes = {
    "rows": st.integers(1, 60),
    "batch_size": st.integers(1, 20),
    "chunk_rows": st.integers(1, 12),
    "buffer_chunks": st.integers(1, 4),
    "epoch": st.integers(0, 3),
}


@given(**sizes, seed=st.one_of(st.none(), st.integers(0, 3)))
@settings(deadline=None, max_examples=60)
def test_an_epoch_holds_every_row_once_with_its_own_values(rows, batch_size, chunk_rows, buffer_chunks, epoch, seed):
    split = make_rows(rows)
    batches = EncodedBatches(
        split,
        LAYOUT,
        batch_size=batch_size,
        shuffle_seed=seed,
        chunk_rows=chunk_rows,
        buffer_chunks=buffer_chunks,
    )
    found = list(batches.epoch(epoch))
    assert len(found) == len(batches) == -(-rows // batch_size)
    assert [len(batch) for batch in found] == [batches.rows_of(step) for step in range(len(batches))]
    assert max(map(len, found)) <= batch_size
    assert max(map(len, found)) - min(map(len, found)) <= 1
    numbers = numbers_of(found)
    assert sorted(numbers) == list(range(rows))
    if seed is None:
        assert numbers == list(range(rows))
    for batch in found:
        assert_holds(batch, split, batch.ids[:, 0].tolist())


@given(**sizes, seed=st.one_of(st.none(), st.just(5)), data=st.data())
@settings(deadline=None, max_examples=60)
def test_entering_an_epoch_late_gives_the_same_batches(rows, batch_size, chunk_rows, buffer_chunks, epoch, seed, data):
    batches = EncodedBatches(
        make_rows(rows),
        LAYOUT,
        batch_size=batch_size,
        shuffle_seed=seed,
        chunk_rows=chunk_rows,
        buffer_chunks=buffer_chunks,
    )
    start = data.draw(st.integers(0, len(batches)))
    whole, rest = list(batches.epoch(epoch)), list(batches.epoch(epoch, start=start))
    assert len(rest) == len(whole) - start
    for one, other in zip(whole[start:], rest, strict=True):
        assert_equal(one, other)


@given(**sizes, seed=st.one_of(st.none(), st.just(5)), count=st.integers(1, 4), data=st.data())
@settings(deadline=None, max_examples=60)
def test_the_processes_together_hold_the_batches_of_one(
    rows, batch_size, chunk_rows, buffer_chunks, epoch, seed, count, data
):
    batches = EncodedBatches(
        make_rows(rows),
        LAYOUT,
        batch_size=batch_size,
        shuffle_seed=seed,
        chunk_rows=chunk_rows,
        buffer_chunks=buffer_chunks,
    )
    start = data.draw(st.integers(0, len(batches)))
    whole = list(batches.epoch(epoch, start=start))
    shares = [list(batches.epoch(epoch, start=start, rank=rank, count=count)) for rank in range(count)]
    assert {len(share) for share in shares} == {len(whole)}
    for step, batch in enumerate(whole):
        parts = [share[step] for share in shares]
        expected = [len(batch) * (rank + 1) // count - len(batch) * rank // count for rank in range(count)]
        assert [len(part) for part in parts] == expected
        assert torch.equal(torch.cat([part.ids for part in parts]), batch.ids)
        assert torch.equal(torch.cat([part.groups for part in parts]), batch.groups)


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    split = make_rows(500)

    def order(seed: int, epoch: int, batch_size: int = 7) -> list[int]:
        source = EncodedBatches(split, LAYOUT, batch_size=batch_size, shuffle_seed=seed, chunk_rows=32, buffer_chunks=4)
        return numbers_of(list(source.epoch(epoch)))

    assert order(0, 0) == order(0, 0) == order(0, 0, batch_size=100)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_rows_are_mixed_across_the_chunks_of_a_buffer():
    source = EncodedBatches(make_rows(4096), LAYOUT, batch_size=256, shuffle_seed=1, chunk_rows=64, buffer_chunks=16)
    chunks = [{number // 64 for number in numbers_of([batch])} for batch in source.epoch(0)]
    assert min(len(found) for found in chunks) == 16


def test_a_chunk_just_encoded_and_a_split_on_disk_give_equal_batches():
    split, chunk = make_rows(50), make_rows(50, kind=EncodedChunk)
    [batch] = EncodedBatches(split, LAYOUT, batch_size=50).epoch(0)
    assert_equal(make_batch(chunk, LAYOUT), batch)


def test_rows_without_labels_groups_or_weights_leave_them_out():
    layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
    batch = make_batch(EncodedChunk(rows=2, ids={"user": np.array([3, 8], dtype=np.int32)}), layout)
    assert batch.ids.tolist() == [[3], [8]]
    assert batch.labels is batch.weights is batch.groups is batch.scenarios is None
    assert batch.dense.shape == (2, 0)


def test_lists_are_padded_to_the_longest_of_the_batch_and_to_one_when_all_are_empty():
    layout = Layout(tables={"tag": 9}, lists=(ListField(name="tags", table="tag", max_length=5, ordered=True),))

    def padded(values: list[int], offsets: list[int]) -> list[list[int]]:
        column = ListColumn(values=np.array(values, dtype=np.int32), offsets=np.array(offsets))
        return make_batch(EncodedChunk(rows=len(offsets) - 1, lists={"tags": column}), layout).lists[0].tolist()

    assert padded([4, 5, 6], [0, 2, 2, 3]) == [[4, 5], [0, 0], [6, 0]]
    assert padded([], [0, 0, 0]) == [[0], [0]]


@pytest.mark.parametrize(("value", "shown"), [(9, "9"), (-1, "-1")])
def test_an_id_outside_its_table_is_named(value, shown):
    layout = Layout(
        tables={"user": 9, "item": 20},
        ids=(IdField(name="item", table="item"), IdField(name="user", table="user")),
        lists=(ListField(name="seen", table="user", max_length=2, ordered=True),),
    )
    good = np.array([1, 2], dtype=np.int32)
    bad = np.array([1, value], dtype=np.int32)
    offsets = np.array([0, 1, 2])

    def make(user: np.ndarray, seen: np.ndarray) -> Batch:
        lists = {"seen": ListColumn(values=seen, offsets=offsets)}
        return make_batch(EncodedChunk(rows=2, ids={"item": good, "user": user}, lists=lists), layout)

    assert len(make(good, good)) == 2
    with pytest.raises(DataError, match=rf"the ids of field 'user' must be from 0 to 8, .*; got {shown}\. .*again"):
        make(bad, good)
    with pytest.raises(DataError, match=rf"the ids of field 'seen' must be from 0 to 8, .*; got {shown}\. "):
        make(good, bad)


@pytest.mark.parametrize("chunk_rows", [64, 1000, 16_384])
def test_a_share_holds_its_rows_once_an_epoch_inside_every_larger_share(chunk_rows):
    split, held = make_rows(3000), {}
    for share in (0.1, 0.2, 0.7):
        source = EncodedBatches(split, LAYOUT, batch_size=50, shuffle_seed=1, chunk_rows=chunk_rows, share=share)
        batches = list(source.epoch(0))
        rows = torch.cat([batch.ids[:, 0] for batch in batches]).tolist()
        assert len(rows) == len(set(rows)) == source.rows == pytest.approx(3000 * share, rel=0.15)
        assert [len(batch) for batch in batches] == [source.rows_of(step) for step in range(len(source))]
        again = EncodedBatches(split, LAYOUT, batch_size=50, shuffle_seed=2, chunk_rows=7, share=share)
        assert sorted(rows) == sorted(torch.cat([batch.ids[:, 0] for batch in again.epoch(3)]).tolist())
        assert rows != sorted(rows)
        assert_holds(batches[0], split, rows[: len(batches[0])])
        late = list(source.epoch(0, start=2))
        assert torch.equal(torch.cat([batch.ids[:, 0] for batch in late]), torch.tensor(rows[-sum(map(len, late)) :]))
        held[share] = set(rows)
    assert held[0.1] < held[0.2] < held[0.7]


def test_a_share_without_rows_or_in_file_order_is_refused():
    with pytest.raises(DataError, match="a share of 1e-09 has none of the 30 rows. Take a larger train_share."):
        EncodedBatches(make_rows(30), LAYOUT, batch_size=5, shuffle_seed=0, share=1e-9)
    with pytest.raises(ConfigError, match="a share of rows is for training, which shuffles"):
        EncodedBatches(make_rows(30), LAYOUT, batch_size=5, share=0.5)
    with pytest.raises(ConfigError, match="train_share must be above 0 and at most 1; got 1.5"):
        EncodedBatches(make_rows(30), LAYOUT, batch_size=5, shuffle_seed=0, share=1.5)


def test_settings_and_rows_are_checked():
    with pytest.raises(ConfigError, match="batch_size must be at least 1; got 0"):
        EncodedBatches(make_rows(5), LAYOUT, batch_size=0)
    with pytest.raises(ConfigError, match="buffer_chunks must be at least 1; got -1"):
        EncodedBatches(make_rows(5), LAYOUT, batch_size=2, buffer_chunks=-1)
    with pytest.raises(DataError, match="must have rows to make batches of"):
        EncodedBatches(make_rows(0), LAYOUT, batch_size=2)


def test_skipped_buffers_are_not_read():
    class Watched(np.ndarray):
        touched: list[int]

        def __getitem__(self, key):
            if isinstance(key, slice):
                self.touched.append(key.start)
            return super().__getitem__(key)

    split = make_rows(320)
    watched = split.ids["row"].view(Watched)
    watched.touched = []
    split.ids["row"] = watched
    source = EncodedBatches(split, LAYOUT, batch_size=32, shuffle_seed=0, chunk_rows=32, buffer_chunks=2)
    assert len(list(source.epoch(0, start=8))) == 2
    assert len(watched.touched) == 2  # the two chunks of the last buffer


def test_prefetching_runs_one_ahead_in_a_thread_that_ends_with_the_iterator():
    made: list[tuple[int, str]] = []

    def items():
        for number in range(10):
            made.append((number, threading.current_thread().name))
            yield number

    before = threading.active_count()
    ahead = prefetched(items())
    assert next(ahead) == 0
    time.sleep(0.05)
    assert [number for number, _ in made] == [0, 1]
    assert all(name.startswith("tamis-prefetch") for _, name in made)
    ahead.close()
    assert threading.active_count() == before


def test_an_error_while_reading_ahead_arrives_in_its_place():
    def items():
        yield 1
        raise DataError("the second item is broken")

    ahead = prefetched(items())
    before = threading.active_count()
    assert next(ahead) == 1
    with pytest.raises(DataError, match="second item is broken"):
        next(ahead)
    assert threading.active_count() == before


def test_a_damaged_id_stops_an_epoch_and_leaves_no_thread():
    split = make_rows(100)
    split.ids["country"][70] = 200
    before = threading.active_count()
    for seed in (None, 3):
        source = EncodedBatches(split, LAYOUT, batch_size=10, shuffle_seed=seed, chunk_rows=10, buffer_chunks=2)
        with pytest.raises(DataError, match="'country' must be from 0 to 6"):
            list(source.epoch(0))
    assert threading.active_count() == before
