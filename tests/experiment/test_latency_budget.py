"""What is left of a model under a budget of milliseconds, with a clock that is known."""

from dataclasses import dataclass
from typing import Any

import pytest

from tamis.errors import ConfigError
from tamis.experiment import choose_within
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS

LAYOUT = Layout(tables={"all": 9}, ids=(IdField(name="a", table="all"), IdField(name="b", table="all")))


@dataclass
class Made:
    model_settings: Any
    model: Any
    layout: Layout = LAYOUT


def made(name="ssr_d", **settings):
    config = MODELS[name].config(dim=4, views=(3, 8), widths=(6, 4), **settings)
    return Made(config, MODELS[name].build(config, LAYOUT))


def clock(milliseconds_of):
    """A clock that reads the shape of the model, and remembers how many rows it was asked about."""
    asked = []

    def time(model, batch):
        block = model.body.blocks[1]
        steps = block.filter.alpha.shape[1] if hasattr(block.filter, "alpha") else None
        views = block.projection.views if hasattr(block, "projection") else len(block.filter.indices)
        asked.append(((steps, views), len(batch)))
        return milliseconds_of(*asked[-1][0])

    return time, asked


def test_steps_go_before_views_and_the_first_that_fits_is_taken():
    time, asked = clock(lambda steps, views: steps + views)
    assert choose_within(made(iterations=3), limit=5, rows=40, time=time) == (1, 4)
    assert [shape for shape, _ in asked] == [(3, 8), (2, 8), (1, 8), (3, 4), (2, 4), (1, 4)]
    assert {rows for _, rows in asked} == {40}
    assert choose_within(made(iterations=3), limit=11, rows=40, time=time) == (3, 8), "as it is"


def test_without_steps_only_views_go():
    time, _ = clock(lambda steps, views: views)
    assert choose_within(made("ssr_s"), limit=2.5, rows=1, time=time) == (None, 2)
    assert choose_within(made("ssr_d", competition="relu"), limit=2.5, rows=1, time=time) == (None, 2)


def test_views_that_stand_side_by_side_all_stay():
    time, asked = clock(lambda steps, views: steps)
    assert choose_within(made(iterations=2, last="concat"), limit=1, rows=1, time=time) == (1, 8)
    assert [shape for shape, _ in asked] == [(2, 8), (1, 8)]


def test_what_is_too_slow_in_any_form_is_refused_with_the_way_out():
    time, _ = clock(lambda steps, views: 7.25)
    with pytest.raises(ConfigError, match=r"takes 7\.25 ms for 9 rows, above the 7 allowed. Allow more, score fewer"):
        choose_within(made(), limit=7, rows=9, time=time)


def test_its_own_clock_times_requests():
    assert choose_within(made(iterations=2), limit=60_000, rows=3) == (2, 8)
