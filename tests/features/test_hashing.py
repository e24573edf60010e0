"""The hash is the published one, on every length and layout of text."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.features.hash_table import HashTable
from tamis.features.hashing import fnv1a_64, hash_buckets, mix, utf8_buffers

BITS = (1 << 64) - 1


def fnv_by_loop(text: str) -> int:
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = ((state ^ byte) * 0x100000001B3) & BITS
    return state


def mix_by_loop(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & BITS
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & BITS
    return value ^ value >> 33


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0xCBF29CE484222325),
        ("a", 0xAF63DC4C8601EC8C),
        ("b", 0xAF63DF4C8601F1A5),
        ("foobar", 0x85944171F73967E8),
        ("chongo was here!\n", 0x46810940EFF5F915),
    ],
)
def test_the_hash_gives_the_published_values(text, expected):
    assert fnv_by_loop(text) == expected
    assert int(fnv1a_64(pl.Series([text]))[0]) == expected
    assert int(fnv1a_64(pl.Series([text, "another", ""]))[0]) == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=30), max_size=20))
def test_the_hash_equals_the_loop_over_bytes(texts):
    series = pl.Series(texts, dtype=pl.String)
    expected = [fnv_by_loop(text) for text in texts]
    assert fnv1a_64(series).tolist() == expected
    assert mix(fnv1a_64(series)).tolist() == [mix_by_loop(value) for value in expected]
    assert hash_buckets(series, 97).tolist() == [mix_by_loop(value) % 97 for value in expected]


def test_slices_and_pieces_of_a_column_hash_like_the_whole():
    texts = pl.Series([f"value {i}" for i in range(50)])
    assert fnv1a_64(texts[7:19]).tolist() == fnv1a_64(texts)[7:19].tolist()
    pieces = pl.concat([texts[:20], texts[20:]], rechunk=False)
    assert fnv1a_64(pieces).tolist() == fnv1a_64(texts).tolist()


def test_a_null_hashes_like_the_empty_text():
    assert fnv1a_64(pl.Series([None, "x"], dtype=pl.String))[0] == fnv1a_64(pl.Series([""]))[0]


def test_buckets_are_filled_evenly():
    counts = np.bincount(hash_buckets(pl.Series([str(i) for i in range(100_000)]), 16), minlength=16)
    assert counts.min() > 6_250 * 0.95
    assert counts.max() < 6_250 * 1.05


def test_buffers_begin_at_zero():
    offsets, data = utf8_buffers(pl.Series(["ab", "é", "c"])[1:])
    assert offsets.tolist() == [0, 2, 3]
    assert bytes(data) == "éc".encode()


def test_a_hash_table_gives_missing_its_own_id_only_if_training_met_it():
    keys = pl.Series(["a", None])
    known, unknown = HashTable(buckets=10, missing_count=4), HashTable(buckets=10, missing_count=0)
    assert (known.size, unknown.size) == (13, 12)
    expected = 2 + mix_by_loop(fnv_by_loop("a")) % 10
    assert known.encode(keys).tolist() == [expected, 12]
    assert unknown.encode(keys).tolist() == [expected, 1]


def test_long_texts_and_short_texts_go_the_same_way():
    long = [f"https://example.org/a/long/address/{i % 7}" for i in range(100)]
    ids = HashTable(buckets=1_000, missing_count=1).encode(pl.Series([*long, None]))
    assert ids.tolist() == [*(2 + mix_by_loop(fnv_by_loop(text)) % 1_000 for text in long), 1_002]
