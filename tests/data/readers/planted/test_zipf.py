"""Zipf's law against its formula, where every id is looked up and where the tail is inverted."""

import numpy as np
import pytest

from tamis.data.readers.planted.zipf import Zipf


def chances_by_formula(size, exponent):
    weights = np.array([float(k) ** -exponent for k in range(1, size + 1)])
    return weights / weights.sum()


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 1.0 + 1e-9, 1.5])
@pytest.mark.parametrize("size", [1, 7, 65_536, 200_000])
def test_the_chances_are_those_of_the_formula(size, exponent):
    expected = chances_by_formula(size, exponent)
    np.testing.assert_allclose(Zipf(size=size, exponent=exponent).chances(), expected, rtol=1e-9)


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("size", [5, 70_000, 200_000])
def test_every_id_takes_its_own_share_of_the_draws(size, exponent):
    ends = np.cumsum(chances_by_formula(size, exponent))
    ids = np.unique(np.geomspace(1, size, 300).astype(int) - 1)
    starts = np.concatenate([[0.0], ends])[ids]
    shares = ends[ids] - starts
    zipf = Zipf(size=size, exponent=exponent)
    # A hundredth inside of either end: the tail's approximation is far closer than that.
    assert zipf.ids(starts + 0.01 * shares).tolist() == ids.tolist()
    assert zipf.ids(starts + 0.99 * shares).tolist() == ids.tolist()


def test_frequencies_of_many_draws_follow_the_law():
    zipf = Zipf(size=1000, exponent=1.2)
    counts = np.bincount(zipf.ids(np.random.default_rng(0).random(400_000)), minlength=1000)
    expected = 400_000 * chances_by_formula(1000, 1.2)
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - 999) < 4 * np.sqrt(2 * 999)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.5])
def test_a_billion_ids_need_no_more_memory_than_the_head(exponent):
    zipf = Zipf(size=10**9, exponent=exponent)
    ids = zipf.ids(np.array([0.0, 0.5, np.nextafter(1.0, 0.0)]))
    assert ids[0] == 0 and ids[1] <= ids[2] < 10**9
    assert sum(value.nbytes for value in vars(zipf).values() if isinstance(value, np.ndarray)) <= 8 * 65_536
