"""Quantile buckets, by hand, against sorting, and under compression."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.features import quantile_buckets
from tamis.features.quantile_buckets import QuantileBuckets, QuantileSketch


def edges_of(numbers, buckets, chunks=1):
    sketch = QuantileSketch()
    for part in np.array_split(np.asarray(numbers, dtype=np.float64), chunks):
        sketch.add(part)
    return sketch.edges(buckets)


def edges_by_sorting(numbers, buckets):
    """Border i is the smallest number that at least i / buckets of all numbers do not exceed."""
    ordered = sorted(numbers)
    needed = [-(-i * len(ordered) // buckets) for i in range(1, buckets)]
    return tuple(sorted({ordered[count - 1] for count in needed} - {ordered[-1]}))


def test_six_numbers_in_three_buckets():
    edges = edges_of([6, 1, 4, 3, 2, 5], 3)
    assert edges == (2.0, 4.0)
    table = QuantileBuckets(edges=edges, missing_count=0)
    assert table.encode(np.array([1.0, 2, 3, 4, 5, 6, -99, 99])).tolist() == [2, 2, 3, 3, 4, 4, 2, 4]
    assert table.size == 5


def test_a_number_that_fills_several_buckets_fills_one():
    assert edges_of([0] * 80 + list(range(1, 21)), 10) == (0.0, 10.0)


def test_a_constant_column_has_one_bucket():
    table = QuantileBuckets(edges=edges_of([3.0] * 9, 4), missing_count=0)
    assert table.edges == ()
    assert table.encode(np.array([3.0, 4.0])).tolist() == [2, 2]


def test_no_number_has_one_bucket():
    assert edges_of([], 4) == ()


def test_missing_comes_last():
    assert QuantileBuckets(edges=(1.0,), missing_count=3).encode(np.array([np.nan])).tolist() == [4]
    assert QuantileBuckets(edges=(1.0,), missing_count=3).size == 5
    assert QuantileBuckets(edges=(1.0,), missing_count=0).encode(np.array([np.nan])).tolist() == [1]


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.one_of(st.integers(-5, 5).map(float), st.floats(allow_nan=False, allow_infinity=False)), min_size=1),
    st.integers(2, 8),
    st.integers(1, 4),
)
def test_edges_equal_sorting_whatever_the_chunks(numbers, buckets, chunks):
    assert edges_of(numbers, buckets, chunks) == edges_by_sorting(numbers, buckets)


def test_compressed_edges_do_not_depend_on_order_or_chunks(monkeypatch):
    monkeypatch.setattr(quantile_buckets, "_MAX_POINTS", 500)
    monkeypatch.setattr(quantile_buckets, "_MERGE_POINTS", 700)
    generator = np.random.default_rng(1)
    numbers = generator.normal(size=20_000)
    expected = edges_of(numbers, 20, 1)
    assert edges_of(numbers, 20, 37) == expected
    assert edges_of(generator.permutation(numbers), 20, 11) == expected


@pytest.mark.parametrize("center", [0.0, 1.5e9])
def test_compressed_buckets_are_nearly_equally_full(monkeypatch, center):
    monkeypatch.setattr(quantile_buckets, "_MAX_POINTS", 2_000)
    numbers = np.random.default_rng(2).normal(center, 1e5, size=50_000)
    table = QuantileBuckets(edges=edges_of(numbers, 10, 5), missing_count=0)
    counts = np.bincount(table.encode(numbers))[2:]
    assert len(counts) == 10
    assert np.abs(counts - 5_000).max() < 150


def test_memory_stays_bounded():
    sketch = QuantileSketch()
    generator = np.random.default_rng(3)
    for _ in range(8):
        sketch.add(generator.normal(size=50_000))
    sketch.edges(10)
    assert len(sketch._points) <= 100_000
    assert sketch._counts.sum() == 400_000
