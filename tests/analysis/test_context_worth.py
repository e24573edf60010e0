"""Which fields tell something in which context: against loops, on planted logs, and where nothing is to be found."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.analysis import measure_context_worth
from tamis.analysis.prequential import rates_before
from tamis.data.readers.planted import PlantedField, PlantedInteraction, PlantedSettings, PlantedSource


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0.1, 0.9)), min_size=1, max_size=60))
def test_rates_are_those_of_a_loop_over_the_rows(rows):
    groups, clicks, priors = (np.array(column) for column in zip(*rows, strict=True))
    seen, expected = defaultdict(list), []
    for group, click, prior in rows:
        expected.append((sum(seen[group]) + 5.0 * prior) / (len(seen[group]) + 5.0))
        seen[group].append(click)
    assert rates_before(groups, clicks.astype(float), priors, strength=5.0) == pytest.approx(expected)


def test_the_gain_of_a_field_is_that_of_a_loop_over_the_rows():
    random = np.random.default_rng(1)
    contexts, values = random.integers(0, 2, 80), random.integers(0, 3, 80)
    labels = random.random(80) < 0.3 + 0.3 * (values == contexts)
    all_seen, context_seen, value_seen, cell_seen = [], *(defaultdict(list) for _ in range(3))
    own, everywhere = defaultdict(list), defaultdict(list)

    def rate(seen, prior, strength):
        return (sum(seen) + strength * prior) / (len(seen) + strength)

    def logit(chance):
        return math.log(chance / (1 - chance))

    for context, value, label in zip(contexts, values, labels, strict=True):
        overall = rate(all_seen, 0.5, 2.0)
        plain = rate(context_seen[context], overall, 20.0)
        here = rate(cell_seen[context, value], plain, 20.0)
        anywhere = rate(value_seen[value], overall, 20.0)
        moved = 1 / (1 + math.exp(-(logit(plain) + logit(anywhere) - logit(overall))))
        for gains, chance in ((own, here), (everywhere, moved)):
            gains[context].append(math.log(chance / plain) if label else math.log((1 - chance) / (1 - plain)))
        for seen in (all_seen, context_seen[context], value_seen[value], cell_seen[context, value]):
            seen.append(label)
    found = measure_context_worth(contexts, {"value": values}, labels)
    for table, gains in ((found.own, own), (found.everywhere, everywhere)):
        for context in (0, 1):
            z = sum(gains[context]) / math.sqrt(sum(gain**2 for gain in gains[context]))
            assert table[context, 0] == pytest.approx(z)


def test_of_fields_that_tell_nothing_in_any_context_few_look_sure():
    """Of 600 fields one in 44 are 14; more than 25 would come once in three hundred times."""
    sure = []
    for seed in range(50):
        random = np.random.default_rng(seed)
        contexts, labels = random.integers(0, 8, 4000), random.random(4000) < 0.2
        fields = {f"f{number}": random.zipf(1.5, 4000) % 40 for number in range(12)}
        sure.append(measure_context_worth(contexts, fields, labels).counts_surely.sum())
    assert sum(sure) <= 25


def test_a_field_that_tells_something_in_one_context_only_is_sure_there():
    random = np.random.default_rng(3)
    contexts, one, other, noise = random.integers(0, 6, (4, 20_000))
    chance = np.where(contexts == 2, 0.1 + 0.08 * one, np.where(contexts == 4, 0.2 + 0.2 * ((one + other) % 2), 0.3))
    fields = {"one": one, "other": other, "noise": noise}
    found = measure_context_worth(contexts, fields, random.random(20_000) < chance)
    assert found.counts_surely.tolist() == [True, True, False]
    assert not measure_context_worth(contexts, {"noise": noise}, random.random(20_000) < 0.3).counts_surely.any()


def test_fields_that_tell_nothing_look_no_better_than_chance():
    random = np.random.default_rng(2)
    contexts = random.integers(0, 8, 20_000)
    fields = {f"f{number}": random.zipf(1.5, 20_000) % 40 for number in range(12)}
    found = measure_context_worth(contexts, fields, random.random(20_000) < 0.2)
    for z in (found.own, found.everywhere, found.pairs):
        assert z.mean() < 0 and z.std() < 1.2
        assert (z > 2).mean() < 0.025
    assert found.pairs.shape == (8, 66) and not (found.pairs > 3).any()


def planted(rows, interactions):
    context = PlantedField(name="context", size=6, exponent=0.5)
    fields = (context, PlantedField(name="field", size=12, copies=10))
    source = PlantedSource(PlantedSettings(rows=rows, fields=fields, interactions=interactions))
    log = source.head(rows)
    names = [name for name in log.columns if name.startswith("field")]
    found = measure_context_worth(
        log["context"].to_numpy(), {name: log[name].to_numpy() for name in names}, log["click"].to_numpy()
    )
    truth = np.zeros((6, 10), dtype=bool)
    for group in source.truth.groups:
        for effect, weights in zip(group.effects, group.weights.T, strict=True):
            for name in effect.names:
                truth[:, names.index(name)] |= weights[np.arange(6) * bool(group.context)] > 0
    return found, truth


def test_fields_are_found_in_the_contexts_where_they_count():
    found, truth = planted(40_000, (PlantedInteraction(fields=("field",), context="context", active=3, scale=1.5),))
    assert (found.counts & truth).sum() == truth.sum() == 18
    assert (found.counts & ~truth).sum() <= 2


def test_pairs_are_found_though_neither_field_tells_anything_alone():
    pairs = PlantedInteraction(fields=("field",), order=2, count=8, context="context", active=2)
    found, truth = planted(40_000, (pairs,))
    assert (found.counts & truth).sum() >= 0.9 * truth.sum() > 10
    assert (found.counts & ~truth).sum() <= 4
    assert ((found.own > 0) & truth).sum() < truth.sum() / 2


def test_a_field_that_counts_everywhere_counts_in_a_context_with_hardly_a_row():
    random = np.random.default_rng(3)
    contexts = (random.random(20_000) < 0.002).astype(int)
    values = random.integers(0, 5, 20_000)
    found = measure_context_worth(contexts, {"value": values}, random.random(20_000) < 0.1 + 0.15 * values)
    assert contexts.sum() < 60 and found.counts.all()


def test_without_pairs_there_are_none():
    random = np.random.default_rng(4)
    contexts, one, other = random.integers(0, 3, (3, 100))
    found = measure_context_worth(contexts, {"a": one, "b": other}, one > 1, pair_rows=0)
    assert found.pair_names == () and found.pairs.shape == (3, 0) and found.counts.shape == (3, 2)


def test_pairs_may_be_asked_on_the_first_rows_alone():
    random = np.random.default_rng(5)
    contexts, one, other = random.integers(0, 3, (3, 6000))
    labels = random.random(6000) < 0.1 + 0.2 * one + 0.1 * other  # each tells so much that few rows show it
    fields = {"a": one, "b": other}
    part = measure_context_worth(
        contexts[:3000], {name: values[:3000] for name, values in fields.items()}, labels[:3000]
    )
    found, whole = (measure_context_worth(contexts, fields, labels, pair_rows=rows) for rows in (3000, None))
    assert part.own.min() > 0 and np.array_equal(found.own, whole.own)
    assert np.allclose(found.pairs, part.pairs) and not np.allclose(found.pairs, whole.pairs)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="a must have a value for each of 3 labels; got 2"):
        measure_context_worth(np.zeros(3, int), {"a": np.zeros(2, int)}, np.zeros(3))
    with pytest.raises(ValueError, match="contexts must be whole numbers from 0 on; got -1"):
        measure_context_worth(np.array([0, -1]), {"a": np.zeros(2, int)}, np.zeros(2))
