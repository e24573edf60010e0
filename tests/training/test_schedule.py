"""The schedule's values, computed by hand."""

import pytest

from tamis.errors import ConfigError
from tamis.training import Schedule


def shares(schedule, total):
    return [round(schedule.share(step, total), 6) for step in range(total)]


def test_without_decay_the_rate_stays():
    assert shares(Schedule(), 4) == [1.0, 1.0, 1.0, 1.0]


def test_the_warm_up_climbs_in_a_straight_line():
    assert shares(Schedule(warmup_steps=4), 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_linear_decay_ends_at_its_final_share():
    assert shares(Schedule(decay="linear", final_share=0.2), 5) == [1.0, 0.8, 0.6, 0.4, 0.2]


def test_cosine_decay_is_half_way_at_half_time_and_ends_at_its_final_share():
    assert shares(Schedule(decay="cosine", final_share=0.1), 5) == [1.0, 0.868198, 0.55, 0.231802, 0.1]


def test_decay_begins_after_the_warm_up():
    assert shares(Schedule(warmup_steps=2, decay="linear"), 5) == [0.5, 1.0, 1.0, 0.5, 0.0]


def test_steps_beyond_the_plan_keep_the_final_share():
    assert Schedule(decay="linear", final_share=0.3).share(99, 10) == pytest.approx(0.3)


def test_one_planned_step_takes_the_full_rate():
    assert shares(Schedule(decay="cosine"), 1) == [1.0]


def test_a_negative_warm_up_is_refused():
    with pytest.raises(ConfigError, match=r"warmup_steps must be at least 0; got -1"):
        Schedule(warmup_steps=-1)


def test_a_final_share_above_one_is_refused():
    with pytest.raises(ConfigError, match=r"final_share must be from 0 to 1; got 1.5"):
        Schedule(final_share=1.5)
