"""A hash that is written down: the same text gets the same number on every machine and in every version.

FNV-1a with 64 bits over the UTF-8 bytes (Fowler, Noll and Vo; offset basis 0xcbf29ce484222325, prime
0x100000001b3). Published values: "" -> cbf29ce484222325, "a" -> af63dc4c8601ec8c, "foobar" ->
85944171f73967e8.

A bucket is ``mix(fnv1a_64(text)) % buckets``, where ``mix`` is the 64-bit finaliser of MurmurHash3 (Appleby),
because the low bits of FNV-1a alone are those of a much weaker hash:

    h ^= h >> 33;  h *= 0xff51afd7ed558ccd;  h ^= h >> 33;  h *= 0xc4ceb9fe1a85ec53;  h ^= h >> 33
"""

import numpy as np
import polars as pl
import pyarrow as pa

OFFSET_BASIS = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)
_MIX_SHIFT = np.uint64(33)
_MIX_FACTORS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))


def fnv1a_64(texts: pl.Series) -> np.ndarray:
    """The FNV-1a hash of each text; a null counts as the empty text.

    Shape:
        - texts: ``(rows,)`` of String
        - output: ``(rows,)`` uint64

    Example:
        >>> [hex(value) for value in fnv1a_64(pl.Series(["a", "foobar"]))]
        ['0xaf63dc4c8601ec8c', '0x85944171f73967e8']
    """
    offsets, data = utf8_buffers(texts)
    starts, lengths = offsets[:-1], np.diff(offsets)
    state = np.full(len(lengths), OFFSET_BASIS)
    if not len(data):
        return state
    longest = int(lengths.max())
    if int(lengths.min()) == longest:  # one length: no sorting, and the bytes of a position lie at equal distances
        for column in data.reshape(-1, longest).T:
            state ^= column
            state *= PRIME
        return state
    # longest first, so that the texts which still have a byte at some position are always a prefix
    order = np.argsort(-lengths, kind="stable")
    starts, ascending = starts[order], lengths[order][::-1]
    active = len(ascending) - np.searchsorted(ascending, np.arange(longest), side="right")
    for position, count in enumerate(active.tolist()):
        prefix = state[:count]
        prefix ^= data[starts[:count] + position]
        prefix *= PRIME
    result = np.empty_like(state)
    result[order] = state
    return result


def mix(hashes: np.ndarray) -> np.ndarray:
    """Spread the bits of ``hashes``: the finaliser of MurmurHash3, ``(rows,)`` uint64 to ``(rows,)`` uint64.

    Example:
        >>> hex(mix(np.array([1], dtype=np.uint64))[0])
        '0xb456bcfc34c2cb2c'
    """
    mixed = hashes ^ (hashes >> _MIX_SHIFT)
    for factor in _MIX_FACTORS:
        mixed *= factor
        mixed ^= mixed >> _MIX_SHIFT
    return mixed


def hash_buckets(texts: pl.Series, buckets: int) -> np.ndarray:
    """The bucket of each text, from 0 to ``buckets - 1``.

    Shape:
        - texts: ``(rows,)`` of String
        - output: ``(rows,)`` int32
    """
    return (mix(fnv1a_64(texts)) % np.uint64(buckets)).astype(np.int32)


def utf8_buffers(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Where the bytes of each text begin, and all bytes one after the other.

    Shape:
        - offsets: ``(rows + 1,)`` int64, beginning with 0
        - data: ``(bytes,)`` uint8
    """
    texts = texts.fill_null("") if texts.null_count() else texts
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string())
    _, offset_buffer, data_buffer = array.buffers()
    if not len(array) or data_buffer is None:
        return np.zeros(len(array) + 1, dtype=np.int64), np.empty(0, dtype=np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], data
