"""Rounding by chance: exact on the average, exact where nothing is to be rounded, and repeatable."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.training.stochastic_rounding import StochasticRounding


def rounding(seed=0):
    return StochasticRounding(seed=seed, device=torch.device("cpu"))


def neighbours(value):
    """The two bfloat16 around a float32, by clearing the lower half of its bits."""
    low = torch.tensor([value]).view(torch.int32).bitwise_and(-65536).view(torch.float32)
    high = (low.view(torch.int32) + 65536).view(torch.float32)
    return low.item(), high.item()


@settings(deadline=None, max_examples=30)
@given(st.floats(2.0**-100, 2.0**100, width=32), st.booleans(), st.integers(0, 1000))
def test_a_number_becomes_one_of_its_neighbours_and_on_the_average_itself(value, is_negative, seed):
    value = -value if is_negative else value
    draws = 20_000
    rounded = rounding(seed)(torch.full((draws,), value)).double()
    low, high = neighbours(value)
    assert set(rounded.unique().tolist()) <= {low, high}
    share = (torch.tensor(value).double() - low) / (high - low)
    deviation = float((share * (1 - share) / draws).sqrt()) * abs(high - low)
    exact = torch.tensor(value, dtype=torch.float32).double().item()
    # Five deviations of the mean, and a few draws more where the chance is so small that they say nothing.
    assert abs(rounded.mean().item() - exact) <= 5 * deviation + 5 * abs(high - low) / draws


def test_what_bfloat16_can_hold_stays_as_it_is():
    numbers = torch.tensor([0.0, -0.0, 1.0, -2.5, 2.0**-133, 3.3895e38, math.inf, -math.inf]).bfloat16()
    for seed in range(20):
        assert torch.equal(rounding(seed)(numbers.float()).view(torch.int16), numbers.view(torch.int16))


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FFFFFFF, 0x7F800001, -1, -0x400000])
def test_nan_stays_nan(bits):
    values = torch.full((1000,), bits, dtype=torch.int32).view(torch.float32)
    assert values.isnan().all() and rounding()(values).isnan().all()


def test_the_same_seed_draws_the_same_and_a_saved_stream_goes_on():
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    first, second, other = rounding(1), rounding(1), rounding(2)
    assert torch.equal(first(values), second(values))
    assert not torch.equal(first(values), other(values))
    later = rounding(9)
    later.state = first.state
    assert torch.equal(later(values), first(values))


def test_the_run_of_everybody_else_draws_what_it_would_have_drawn():
    before = torch.get_rng_state()
    rounding()(torch.randn(10, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), before)
