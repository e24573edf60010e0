"""What decides the clicks, seen in the clicks: effects that are planted are found, and others are not."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder

from tamis.data.readers.planted import ColdIds, PlantedField, PlantedInteraction, PlantedSettings, PlantedSource

ROWS = 60_000
COINS = PlantedField(name="coin", size=2, exponent=0.0, copies=4)
"""Four fields of two equally frequent ids, whose hidden values can only be 1 and -1."""


def rows_of(fields, *interactions, **changes):
    settings = {"rows": ROWS, "base_rate": 0.3, "with_chance": True, **changes}
    source = PlantedSource(PlantedSettings(fields=fields, interactions=interactions, **settings))
    return source, pl.concat(source.chunks())


def sides(frame):
    """The coins as 1 and -1."""
    return {name: 1 - 2 * frame[name].to_numpy() for name in frame.columns if name.startswith("coin")}


def contrasts(frame):
    """For each set of coins, how many standard errors its product moves the click rate (Walsh's contrasts)."""
    coins, clicks = sides(frame), frame["click"].to_numpy()
    found = {}
    for order in range(1, 5):
        for names in combinations(coins, order):
            product = np.prod([coins[name] for name in names], axis=0)
            found[names] = abs((product * (clicks - clicks.mean())).sum()) / (np.sqrt(len(clicks)) * clicks.std())
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_an_interaction_is_there_in_its_own_order_and_in_no_other(order):
    members = tuple(f"coin_{i}" for i in (4, 2, 1, 3))[:order]
    _, frame = rows_of((COINS,), PlantedInteraction(fields=members, order=order, scale=0.5))
    found = contrasts(frame)
    planted = found.pop(tuple(sorted(members)))
    assert planted > 15
    assert len(found) == 14 and max(found.values()) < 3.5


def test_without_interactions_nothing_is_found():
    source, frame = rows_of((COINS,))
    assert max(contrasts(frame).values()) < 3.5
    assert frame["chance"].n_unique() == 1 and frame["chance"][0] == pytest.approx(0.3)
    assert source.truth.fields == frozenset()


def test_a_count_draws_that_many_different_sets_and_a_seed_other_ones():
    def sets(seed):
        settings = PlantedSettings(
            fields=(PlantedField(name="f", copies=8),),
            interactions=(PlantedInteraction(fields=("f",), order=3, count=20),),
            seed=seed,
        )
        return {effect.names for effect in PlantedSource(settings).truth.groups[0].effects}

    assert len(sets(0)) == 20 and all(len(set(names)) == 3 for names in sets(0))
    assert sets(0) == sets(0) != sets(1)


def test_the_scale_is_the_deviation_of_all_sets_together():
    source, frame = rows_of(
        (PlantedField(name="f", size=40, copies=6),),
        PlantedInteraction(fields=("f",), scale=0.8),
        PlantedInteraction(fields=("f",), order=2, count=7, rank=2, scale=0.6),
    )
    chances = frame["chance"].to_numpy()
    logits = np.log(chances / (1 - chances))
    assert logits.std() == pytest.approx(1.0, rel=0.05)  # 0.8 and 0.6 are the legs of a right triangle
    assert [len(group.effects) for group in source.truth.groups] == [6, 7]


@pytest.mark.parametrize("base_rate", [0.01, 0.3, 0.9])
def test_the_mean_chance_is_the_base_rate_and_clicks_follow_the_chances(base_rate):
    _, frame = rows_of((PlantedField(name="f"),), PlantedInteraction(fields=("f",), scale=2.0), base_rate=base_rate)
    chances, clicks = frame["chance"].to_numpy(), frame["click"].to_numpy()
    assert chances.mean() == pytest.approx(base_rate, abs=6 * chances.std() / np.sqrt(ROWS))
    for part in np.array_split(np.argsort(chances), 5):
        error = np.sqrt((chances[part] * (1 - chances[part])).sum()) / len(part)
        assert abs(clicks[part].mean() - chances[part].mean()) < 4 * error


def share_found(frame, columns, *, crossed=()):
    """How much of what can be known a regression on one-hot ids finds, in log loss on the second half.

    The rate alone finds 0, the true chances 1. With ``crossed`` the combinations of these columns are ids too. It is
    not told by AUC: a score that has learned nothing still orders the few combinations in some way, by luck.
    """
    features = frame.select(columns)
    if crossed:
        features = features.with_columns(pl.concat_str(crossed, separator="x").alias("crossed"))
    half = len(frame) // 2
    ids = OneHotEncoder().fit_transform(features.to_numpy())
    clicks, chances = frame["click"].to_numpy(), frame["chance"].to_numpy()
    found = LogisticRegression(max_iter=200).fit(ids[:half], clicks[:half]).predict_proba(ids[half:])[:, 1]
    losses = [log_loss(clicks[half:], scores) for scores in (np.full(half, clicks.mean()), found, chances[half:])]
    return (losses[0] - losses[1]) / (losses[0] - losses[2])


def test_logistic_regression_finds_all_of_main_effects():
    names = ["f_1", "f_2", "f_3"]
    _, frame = rows_of((PlantedField(name="f", size=20, copies=3),), PlantedInteraction(fields=("f",)))
    assert share_found(frame, names) == pytest.approx(1, abs=0.02)
    assert share_found(frame, names[:1]) < 0.6


@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_regression_finds_an_interaction_only_where_it_is_given_the_combinations(order):
    names = [f"coin_{i + 1}" for i in range(4)]
    _, frame = rows_of((COINS,), PlantedInteraction(fields=tuple(names[:order]), order=order))
    assert share_found(frame, names) == pytest.approx(0, abs=0.01)
    assert share_found(frame, names, crossed=names[: order - 1]) == pytest.approx(0, abs=0.01)
    assert share_found(frame, names, crossed=names[:order]) == pytest.approx(1, abs=0.01)


def chi_square(frame, name):
    """Deviations of the click rate by id, as a normal deviate."""
    rate = frame["click"].mean()
    by_id = frame.group_by(name).agg(pl.col("click").sum().alias("clicks"), pl.len().alias("rows"))
    by_id = by_id.filter(pl.col("rows") > 30)
    terms = (by_id["clicks"] - rate * by_id["rows"]) ** 2 / (rate * (1 - rate) * by_id["rows"])
    freedom = len(by_id) - 1
    return (terms.sum() - freedom) / np.sqrt(2 * freedom)


def test_noise_fields_say_nothing_of_the_click():
    fields = (
        PlantedField(name="signal", size=30),
        PlantedField(name="noise", size=30, copies=5, missing=0.2),
        PlantedField(name="number", kind="numeric", size=10),
    )
    source, frame = rows_of(fields, PlantedInteraction(fields=("signal",)))
    frame = frame.with_columns((pl.col("number") * 4).floor())
    assert source.truth.fields == {"signal"}
    assert chi_square(frame, "signal") > 100
    assert max(abs(chi_square(frame, name)) for name in frame.columns if name.startswith("n")) < 4


def test_the_context_decides_which_fields_count():
    fields = (COINS, PlantedField(name="context", size=6, exponent=0.0))
    planted = PlantedInteraction(fields=("coin",), context="context", active=1, scale=0.7)
    source, frame = rows_of(fields, planted)
    (group,) = source.truth.groups
    counting = set()
    for context in range(6):
        found = contrasts(frame.filter(pl.col("context") == context))
        strong = {names for names, deviation in found.items() if deviation > 4}
        (expected,) = np.flatnonzero(group.weights[context])
        assert strong == {group.effects[expected].names}
        counting |= strong
    assert len(counting) > 1


def test_every_context_has_as_many_effects_and_the_same_deviation():
    fields = (PlantedField(name="f", copies=10), PlantedField(name="context", size=50, missing=0.5))
    interaction = PlantedInteraction(fields=("f",), context="context", active=3, scale=0.9)
    settings = PlantedSettings(fields=fields, interactions=(interaction,))
    (group,) = PlantedSource(settings).truth.groups
    assert ((group.weights > 0).sum(axis=1) == [3] * 50 + [0]).all()  # where the context is missing, nothing counts
    np.testing.assert_allclose((group.weights**2).sum(axis=1)[:50], 0.81)
    chosen = (group.weights[:50] > 0).mean(axis=0)
    assert chosen.min() > 0.05 and chosen.max() < 0.6


def rates(frame, name):
    by_id = frame.group_by(name).agg(pl.col("click").mean()).sort(name)
    return by_id["click"].to_numpy()


@pytest.mark.parametrize(("drift", "low", "high"), [(0.0, 0.95, 1.0), (1.0, -0.5, 0.5)])
def test_effects_move_over_time_if_told_to(drift, low, high):
    field = PlantedField(name="f", size=30, exponent=0.0)
    _, frame = rows_of((field,), PlantedInteraction(fields=("f",), drift=drift))
    tenth = ROWS // 10
    first, last = rates(frame.head(tenth), "f"), rates(frame.tail(tenth), "f")
    assert low <= np.corrcoef(first, last)[0, 1] <= high
    # The strength stays: the rates differ as much at the end as at the start.
    assert last.std() == pytest.approx(first.std(), rel=0.3)


def test_scenarios_have_their_own_rates_and_effects():
    pages = PlantedField(name="page", kind="scenario", size=4, exponent=0.0)
    fields = (pages, PlantedField(name="f", size=30, exponent=0.0))
    own_rate, effect = PlantedInteraction(fields=("page",), scale=0.8), PlantedInteraction(fields=("f",), scale=0.8)
    _, frame = rows_of(fields, own_rate, effect)
    assert np.ptp(rates(frame, "page")) > 0.1

    def likeness(own):
        planted = PlantedInteraction(fields=("f",), scale=1.2, own=own)
        parts = rows_of(fields, planted, rows=3 * ROWS)[1].partition_by("page")
        between = np.corrcoef([rates(part, "f") for part in parts])
        return between[np.triu_indices(4, 1)]

    assert likeness(0.0).min() > 0.9
    assert 0.2 < likeness(0.5).mean() < 0.8
    assert abs(likeness(1.0).mean()) < 0.25


def test_missing_values_take_their_effect_away_and_may_have_one_of_their_own():
    field = PlantedField(name="f", missing=0.4, missing_effect=1.5)
    _, frame = rows_of((field,), PlantedInteraction(fields=("f",)))
    gone, there = frame.filter(pl.col("f").is_null()), frame.filter(pl.col("f").is_not_null())
    assert gone["chance"].n_unique() == 1
    logit = np.log(gone["chance"][0] / (1 - gone["chance"][0]))
    base = PlantedField(name="f", missing=0.4)
    _, other = rows_of((base,), PlantedInteraction(fields=("f",)))
    # At random a missing value stands at the middle of all others; with an effect, above it.
    middle = other.filter(pl.col("f").is_null())["chance"][0]
    assert 0.2 < middle < 0.3
    chances = there["chance"].to_numpy()
    assert logit - np.log(chances / (1 - chances)).mean() == pytest.approx(1.5, abs=0.03)
    assert gone["click"].mean() == pytest.approx(gone["chance"][0], abs=0.015)


def test_a_missing_value_at_random_of_a_field_without_effect_is_noise():
    source, frame = rows_of((PlantedField(name="f", missing=0.4), COINS), PlantedInteraction(fields=("coin",)))
    assert "f" not in source.truth.fields
    by_missing = frame.group_by(pl.col("f").is_null()).agg(pl.col("click").mean())["click"]
    assert abs(by_missing[0] - by_missing[1]) < 4 * np.sqrt(0.21 / ROWS / 0.24)


def test_cold_ids_have_effects_too():
    field = PlantedField(name="f", size=20, cold=ColdIds(size=15, start=0.5, share=0.9))
    _, frame = rows_of((field,), PlantedInteraction(fields=("f",)))
    cold = frame.filter(pl.col("f") >= 20)
    chances = cold["chance"].to_numpy()
    assert cold["time"].min() >= 432_000
    assert np.log(chances / (1 - chances)).std() == pytest.approx(1, rel=0.05)
    assert chi_square(cold, "f") > 50
