"""One draw a row, whatever the chunks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.row_draws import row_draws


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**63), first=st.integers(0, 2**50), sizes=st.lists(st.integers(0, 9), max_size=6))
def test_draws_do_not_depend_on_chunks(seed, first, sizes):
    whole = row_draws(seed, first, sum(sizes))
    starts = first + np.cumsum([0, *sizes])
    parts = [row_draws(seed, int(start), size) for start, size in zip(starts, sizes, strict=False)]
    np.testing.assert_array_equal(np.concatenate([*parts, []]), whole)


def test_draws_are_the_stream_of_the_seed():
    np.testing.assert_array_equal(row_draws(7, 0, 100), np.random.default_rng(7).random(100))


def test_a_seed_of_several_numbers_starts_a_stream_of_its_own():
    draws = [row_draws(seed, 5, 1000) for seed in (7, (7, 1), (7, 2), (8, 1))]
    between = np.corrcoef(draws)[np.triu_indices(4, 1)]
    assert np.abs(between).max() < 4 / np.sqrt(1000)
    np.testing.assert_array_equal(draws[1], row_draws((7, 1), 0, 1005)[5:])
