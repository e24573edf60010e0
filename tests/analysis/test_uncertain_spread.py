import math

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student_t

from tamis.analysis.uncertain_spread import UncertainSpread


@pytest.mark.parametrize("freedom", [1, 2, 196 / 85, 4, 30])
def test_an_estimate_alone_is_students_t(freedom):
    error = UncertainSpread(0.0, 4.0, freedom)
    assert error.reach() == pytest.approx(2 * student_t.ppf(0.975, freedom), rel=1e-5)
    assert error.reach(inside=0.5) == pytest.approx(2 * student_t.ppf(0.75, freedom), rel=1e-5)
    for distance in (1.0, 6.0, 20.0):
        assert error.chance_beyond(distance) == pytest.approx(2 * student_t.sf(distance / 2, freedom), rel=1e-5)
    assert error.chance_beyond(-6.0) == error.chance_beyond(6.0)


def test_a_known_variance_alone_is_the_normal_distribution():
    error = UncertainSpread(0.25)
    assert error.reach() == pytest.approx(norm.ppf(0.975) / 2)
    assert error.chance_beyond(1.5) == pytest.approx(2 * norm.sf(3.0))


def test_of_both_every_true_variance_counts_by_its_chance():
    generator = np.random.default_rng(0)
    truths = 1.0 + 0.7 * 2 / generator.chisquare(2, size=2_000_000)
    error = UncertainSpread(1.0, 0.7, 2)
    for distance in (1.0, 4.0, 15.0):
        expected = np.mean(2 * norm.sf(distance / np.sqrt(truths)))
        assert error.chance_beyond(distance) == pytest.approx(expected, rel=0.02)
    assert error.chance_beyond(error.reach()) == pytest.approx(0.05, rel=1e-9)


def test_without_any_variance_only_nothing_is_by_chance():
    assert UncertainSpread(0.0).reach() == 0.0
    assert UncertainSpread(0.0).chance_beyond(0.0) == 1.0
    assert UncertainSpread(0.0).chance_beyond(1e-300) == 0.0
    assert math.isfinite(UncertainSpread(0.0, 1e-40, 1).reach())
