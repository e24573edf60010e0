"""Counting values and giving them ids."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.features import counting
from tamis.features import vocabulary as module
from tamis.features.counting import ValueCounter
from tamis.features.vocabulary import Vocabulary

VALUES = st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "b", "é", "10", "9", "long text beyond the inline"])))


def test_ids_follow_the_count_and_then_the_bytes():
    counter = ValueCounter()
    counter.add(pl.Series(["b", "c", "a", "c", "b", "d", "é", "10", "9"]))
    counts = counter.counts(min_count=1)
    assert counts.rows() == [("b", 2), ("c", 2), ("10", 1), ("9", 1), ("a", 1), ("d", 1), ("é", 1)]


@settings(deadline=None, max_examples=50)
@given(st.lists(VALUES, max_size=8), st.integers(1, 3))
def test_counts_equal_a_python_counter_whatever_the_chunks(chunks, min_count):
    counter = ValueCounter()
    for chunk in chunks:
        counter.add(pl.Series(chunk, dtype=pl.String))
    expected = Counter(value for chunk in chunks for value in chunk)
    assert counter.missing == expected.pop(None, 0)
    frequent = {key: count for key, count in expected.items() if count >= min_count}
    in_order = sorted(frequent.items(), key=lambda entry: (-entry[1], entry[0].encode()))
    assert counter.counts(min_count=min_count).rows() == in_order


def test_counts_survive_many_merges(monkeypatch):
    monkeypatch.setattr(counting, "_MERGE_ROWS", 10)
    numbers = np.random.default_rng(0).integers(0, 300, 5_000)
    counter = ValueCounter()
    for part in np.array_split(numbers, 100):
        counter.add(pl.Series([str(number) for number in part]))
    expected = Counter(str(number) for number in numbers)
    assert dict(counter.counts(min_count=1).rows()) == expected


def test_whole_numbers_and_their_texts_are_counted_together():
    counter = ValueCounter()
    counter.add(pl.Series(["12", "7"]))
    counter.add_numbers(pl.Series([12, None, -3]))
    assert counter.counts(min_count=1).rows() == [("12", 2), ("-3", 1), ("7", 1)]
    assert counter.missing == 1


def test_missing_has_the_last_id_if_it_has_one():
    keys = pl.Series(["x", "y"])
    known = Vocabulary(keys=keys, counts=np.array([3, 2]), missing_count=5)
    assert known.size == 5
    assert known.encode(pl.Series(["y", None, "?", "x"])).tolist() == [3, 4, 1, 2]
    unknown = Vocabulary(keys=keys, counts=np.array([3, 2]), missing_count=0)
    assert unknown.size == 4
    assert unknown.encode(pl.Series(["y", None, "?", "x"])).tolist() == [3, 1, 1, 2]


def test_an_empty_vocabulary_knows_nothing():
    empty = Vocabulary(keys=pl.Series([], dtype=pl.String), counts=np.array([], dtype=np.int64), missing_count=0)
    assert empty.size == 2
    assert empty.encode(pl.Series(["a", None])).tolist() == [1, 1]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text(max_size=20), unique=True, min_size=1, max_size=30),
    st.lists(st.text(max_size=3), max_size=30),
)
def test_ids_equal_a_dictionary(keys, others):
    vocabulary = Vocabulary(keys=pl.Series(keys), counts=np.ones(len(keys)), missing_count=0)
    expected = {key: 2 + place for place, key in enumerate(keys)}
    rows = [*others, *keys]
    ids = vocabulary.encode(pl.Series(rows))
    assert ids.dtype == np.int32
    assert ids.tolist() == [expected.get(row, 1) for row in rows]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text(max_size=3), unique=True, max_size=12),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=16),
    st.integers(0, 2),
    st.sampled_from([hash, len, lambda text: 0]),
)
def test_few_texts_get_the_ids_of_many_even_if_hashes_collide(keys, texts, missing_count, hashing):
    vocabulary = Vocabulary(
        keys=pl.Series(keys, dtype=pl.String), counts=np.ones(len(keys)), missing_count=missing_count
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "hash", hashing, raising=False)
        few = vocabulary.encode(pl.Series(texts, dtype=pl.String))
    many = vocabulary.encode(pl.Series([*texts, *["filling"] * 17], dtype=pl.String))
    assert few.dtype == many.dtype == np.int32
    assert few.tolist() == many[: len(texts)].tolist()
