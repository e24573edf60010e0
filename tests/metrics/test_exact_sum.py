import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.metrics.exact_sum import ExactSum, sum_units_by_run, to_units

terms_lists = st.lists(st.floats(-1e6, 1e6, allow_nan=False), max_size=40)


def summed(*batches) -> ExactSum:
    total = ExactSum()
    for batch in batches:
        total.add(batch)
    return total


@settings(deadline=None, max_examples=50)
@given(terms=terms_lists, cut=st.integers(0, 40), seed=st.integers(0, 99))
def test_neither_order_nor_batches_change_a_bit(terms, cut, seed):
    shuffled = terms.copy()
    random.Random(seed).shuffle(shuffled)
    merged = summed(shuffled[:cut])
    merged.merge(summed(shuffled[cut:]))
    assert merged.units == summed(terms).units


@settings(deadline=None, max_examples=50)
@given(terms=terms_lists)
def test_the_error_is_at_most_half_a_unit_a_term(terms):
    exact = math.fsum(terms)
    assert abs(summed(terms).value - exact) <= len(terms) * 2.0**-41 + abs(exact) * 2.0**-52


def test_many_large_terms_do_not_overflow_64_bits():
    assert summed(np.full(100_000, 4e6)).value == 4e11
    assert summed(np.full(100_000, -4e6)).value == -4e11


def test_runs_are_summed_like_slices():
    terms = np.array([0.5, -0.25, 3.0, 4e6, 1e-12, -7.0])
    parts = sum_units_by_run(to_units(terms), np.array([0, 2, 5]))
    assert parts == [summed(terms[:2]).units, summed(terms[2:5]).units, summed(terms[5:]).units]


@pytest.mark.parametrize("term", [math.nan, math.inf, -math.inf, 2.0**22])
def test_a_term_that_does_not_fit_is_named(term):
    with pytest.raises(ValueError, match=rf"finite terms below 2\*\*22; got {term}"):
        summed([0.5, term])
