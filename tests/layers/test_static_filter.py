import math

import numpy as np
import pytest
import torch

from tamis.layers import StaticFilter, draw_indices


def test_every_view_is_a_gather_of_its_indices():
    sieve = StaticFilter(d_in=7, views=3, width=4, first_seed=1000)
    x = torch.randn(5, 7)
    output = sieve(x)
    assert output.shape == (5, 3, 4)
    for row in range(5):
        for view in range(3):
            for place in range(4):
                assert output[row, view, place] == x[row, sieve.indices[view, place]]


def test_indices_are_those_of_the_documented_generator():
    expected = [np.random.RandomState(2000 + view).permutation(30)[:8] for view in range(3)]
    sieve = StaticFilter(d_in=30, views=3, width=8, first_seed=2000)
    np.testing.assert_array_equal(sieve.indices.numpy(), np.stack(expected))


def test_indices_are_distinct_inside_a_view_and_repeat_only_when_the_view_is_wider_than_the_input():
    assert len(set(draw_indices(d_in=50, width=50, seed=3))) == 50
    wide = draw_indices(d_in=5, width=12, seed=3)
    counts = np.bincount(wide, minlength=5)
    assert counts.min() == 2 and counts.max() == 3


def test_the_jacobian_of_a_view_is_zero_off_its_indices_and_a_selection_on_them():
    sieve = StaticFilter(d_in=6, views=2, width=3, first_seed=1000)
    jacobian = torch.autograd.functional.jacobian(lambda x: sieve(x[None])[0], torch.randn(6))
    for view in range(2):
        for place in range(3):
            expected = torch.zeros(6)
            expected[sieve.indices[view, place]] = 1.0
            torch.testing.assert_close(jacobian[view, place], expected)


def test_the_gradient_of_a_dimension_is_the_sum_over_the_views_that_chose_it():
    sieve = StaticFilter(d_in=5, views=4, width=3, first_seed=9)
    x = torch.randn(6, 5, requires_grad=True)
    grad = torch.randn(6, 4, 3)
    sieve(x).backward(grad)
    expected = torch.zeros(6, 5)
    for view in range(4):
        for place in range(3):
            expected[:, sieve.indices[view, place]] += grad[:, view, place]
    torch.testing.assert_close(x.grad, expected)


def test_the_share_of_dimensions_some_view_sees_is_what_chance_says():
    d_in, views, width = 400, 4, 120
    covered = [
        len(StaticFilter(d_in=d_in, views=views, width=width, first_seed=100 * trial).indices.unique()) / d_in
        for trial in range(40)
    ]
    expected = 1 - (1 - width / d_in) ** views
    assert math.isclose(float(np.mean(covered)), expected, abs_tol=0.01)


def test_the_same_seed_gives_the_same_views_and_another_seed_gives_others():
    first, same, other = (StaticFilter(d_in=30, views=2, width=5, first_seed=seed) for seed in (1, 1, 7))
    assert torch.equal(first.indices, same.indices)
    assert not torch.equal(first.indices, other.indices)


def test_no_dimension_is_preferred():
    counts = np.zeros(12)
    for seed in range(3000):
        counts[draw_indices(d_in=12, width=4, seed=seed)] += 1
    # A count is binomial with chance 1/3: its standard deviation is 26.
    assert abs(counts - 1000).max() < 5 * 26


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match="must be at least 1; got 5, 0 and 3"):
        StaticFilter(d_in=5, views=0, width=3, first_seed=0)
