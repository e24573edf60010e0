"""Standardised numbers against NumPy, and sums that do not depend on the cuts."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.features.standardise import ExactSum, Moments, Standardise, signed_log

FLOATS = st.floats(-1e100, 1e100)


def moments_of(parts):
    moments = Moments()
    for part in parts:
        moments.add(np.asarray(part, dtype=np.float64))
    return moments.mean_and_std()


def test_mean_and_std_by_hand():
    assert moments_of([[2.0, 4.0], [4.0, 4.0, 5.0, 5.0, 7.0, 9.0]]) == (5.0, 2.0)


def test_mean_and_std_equal_numpy():
    numbers = np.random.default_rng(0).lognormal(3, 2, 10_000)
    mean, std = moments_of(np.array_split(numbers, 7))
    assert mean == pytest.approx(numbers.mean(), rel=1e-12)
    assert std == pytest.approx(numbers.std(), rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(FLOATS, max_size=20), max_size=5))
def test_the_exact_sum_is_the_sum_of_fractions(parts):
    total = ExactSum()
    for part in parts:
        total.add(np.asarray(part, dtype=np.float64))
    assert total.total() == sum((Fraction(number) for part in parts for number in part), Fraction(0))


@settings(deadline=None, max_examples=40)
@given(st.lists(FLOATS, min_size=1, max_size=60), st.integers(1, 6))
def test_the_cuts_change_no_bit(numbers, chunks):
    whole = moments_of([numbers])
    assert moments_of(np.array_split(np.asarray(numbers), chunks)) == whole
    assert moments_of([sorted(numbers)]) == whole


@pytest.mark.parametrize("number", [0.0, 0.1, -1e9 / 3, 1e100])
def test_a_constant_column_has_std_one(number):
    assert moments_of([[number] * 100]) == (number, 1.0)


def test_no_number_gives_mean_zero_and_std_one():
    assert moments_of([]) == (0.0, 1.0)


def test_the_signed_logarithm_by_hand():
    assert signed_log(np.array([math.e - 1, 0.0, 1 - math.e])).tolist() == pytest.approx([1.0, 0.0, -1.0])


def test_encoding_by_hand():
    plain = Standardise(is_logarithmic=False, mean=10.0, std=2.0, has_missing=False)
    assert plain.encode(np.array([14.0, np.nan])).tolist() == [[2.0], [0.0]]
    logarithmic = Standardise(is_logarithmic=True, mean=1.0, std=0.5, has_missing=True)
    encoded = logarithmic.encode(np.array([math.e - 1, 0.0, np.nan]))
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[0.0, 0.0], [-2.0, 0.0], [0.0, 1.0]]


def test_a_huge_number_stays_finite():
    scale = Standardise(is_logarithmic=False, mean=0.0, std=1e-3, has_missing=False)
    assert np.isfinite(scale.encode(np.array([1e300, -1e300]))).all()


def test_encoding_leaves_its_input_alone():
    numbers = np.array([1.0, np.nan])
    Standardise(is_logarithmic=False, mean=5.0, std=1.0, has_missing=False).encode(numbers)
    np.testing.assert_array_equal(numbers, [1.0, np.nan])
