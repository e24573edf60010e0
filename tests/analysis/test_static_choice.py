import pytest
import torch

from tamis.analysis.static_choice import static_choice
from tamis.layers import StaticFilter


def test_it_equals_sets_in_loops():
    sieve = StaticFilter(d_in=30, views=4, width=8, first_seed=1000)
    choice = static_choice(sieve.indices, d_in=30, groups=5)
    sets = [set(own) for own in sieve.indices.tolist()]
    for one in range(4):
        for other in range(4):
            expected = len(sets[one] & sets[other]) / len(sets[one] | sets[other])
            assert choice.overlap[one, other].item() == pytest.approx(expected)
        shares = [sum(place // 6 == group for place in sets[one]) / 8 for group in range(5)]
        assert choice.groups[one].tolist() == pytest.approx(shares)
    assert choice.unread == pytest.approx(1 - len(set.union(*sets)) / 30)
    assert choice.zeros == pytest.approx(1 - 8 / 30)


def test_control_random_views_overlap_and_cover_as_chance_has_it():
    sieve = StaticFilter(d_in=2000, views=8, width=500, first_seed=1000)
    choice = static_choice(sieve.indices, d_in=2000, groups=1)
    others = choice.overlap[~torch.eye(8, dtype=torch.bool)]
    assert others.mean().item() == pytest.approx(choice.chance_overlap, abs=0.01)
    assert choice.unread == pytest.approx((1 - 500 / 2000) ** 8, abs=0.02)


def test_a_dimension_taken_twice_counts_once():
    assert static_choice(torch.tensor([[0, 0, 1, 1]]), d_in=2, groups=2).zeros == 0.0
