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
