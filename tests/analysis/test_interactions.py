"""Which pairs of fields tell more together, and which field decides: against loops, planted truths, and nothing."""

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from tamis.analysis import Interactions, measure_interactions
from tamis.data.readers.planted import PlantedField, PlantedInteraction, PlantedSettings, PlantedSource


def test_the_gain_of_a_pair_is_that_of_a_loop_over_the_rows():
    random = np.random.default_rng(1)
    one, other = random.integers(0, 3, 120), random.integers(0, 2, 120)
    labels = random.random(120) < 0.2 + 0.3 * (one == other) + 0.2 * other

    def rate(seen, prior, strength):
        return (sum(seen) + strength * prior) / (len(seen) + strength)

    def logit(chance):
        return math.log(chance / (1 - chance))

    def loss(chance, label):
        return -math.log(chance if label else 1 - chance)

    def seen_before(values):
        """Of each row the labels of the rows before it with the same value."""
        seen, found = defaultdict(list), []
        for value, label in zip(values, labels, strict=True):
            found.append(list(seen[value]))
            seen[value].append(label)
        return found

    def rates(values, priors, strength):
        return [rate(seen, prior, strength) for seen, prior in zip(seen_before(values), priors, strict=True)]

    def losses(chances):
        return [loss(chance, label) for chance, label in zip(chances, labels, strict=True)]

    def best(*ways):
        return min(ways, key=lambda chances: sum(losses(chances)))

    overall = rates([0] * 120, [0.5] * 120, 2.0)
    first, second = (best(overall, rates(values, overall, 20.0)) for values in (one, other))
    logits = [logit(a) + logit(b) - logit(level) for a, b, level in zip(first, second, overall, strict=True)]
    apart = best([1 / (1 + math.exp(-value)) for value in logits], first, second)
    base = best(apart, rates(one, first, 200.0), rates(other, second, 200.0))
    pair = rates(list(zip(one, other, strict=True)), apart, 200.0)
    gains = [before - after for before, after in zip(losses(base), losses(pair), strict=True)]
    found = measure_interactions({"one": one, "other": other}, labels)
    assert found.gain[0, 1] == found.gain[1, 0] == pytest.approx(sum(gains) / 120)
    assert found.z[0, 1] == found.z[1, 0] == pytest.approx(sum(gains) / math.sqrt(sum(gain**2 for gain in gains)))
    assert np.diag(found.gain).tolist() == np.diag(found.z).tolist() == [0.0, 0.0]


def test_a_pair_that_only_together_tells_something_is_seen_and_no_other():
    random = np.random.default_rng(2)
    fields = {f"f{number}": random.integers(0, 4, 20_000) for number in range(8)}
    labels = random.random(20_000) < np.where((fields["f1"] + fields["f5"]) % 2, 0.15, 0.25)
    found = measure_interactions(fields, labels)
    assert [found.decided_by(name) for name in ("f1", "f5")] == [("f5",), ("f1",)]
    assert not any(found.decided_by(name) for name in fields if name not in ("f1", "f5"))
    assert found.strongest(among=found.fields) is None, "one of a pair is no context"


def test_fields_that_say_the_same_tell_no_more_together():
    random = np.random.default_rng(3)
    value = random.integers(0, 10, 20_000)
    fields = {"value": value, "copy": value + 3, "coarse": value // 2, "noise": random.integers(0, 10, 20_000)}
    found = measure_interactions(fields, random.random(20_000) < 0.05 + 0.08 * value)
    assert not any(found.decided_by(name) for name in fields)
    assert found.gain[0, 1] == found.gain[0, 2] == 0.0


def test_where_nothing_tells_anything_no_pair_does():
    random = np.random.default_rng(4)
    fields = {f"f{number}": random.zipf(1.5, 20_000) % 40 for number in range(20)}
    found = measure_interactions(fields, random.random(20_000) < 0.2)
    pairs = found.z[np.triu_indices(20, 1)]
    assert pairs.max() < 3 and pairs.mean() < 0, "rates that are learned from nothing cost something"


def planted(rows, truth, **interaction):
    settings = PlantedSettings(
        rows=rows,
        fields=(PlantedField(name="slot", size=8, exponent=0.5), PlantedField(name="field", size=40, copies=12)),
        interactions=(PlantedInteraction(fields=("field",), scale=1.5, **interaction),),
    )
    log = PlantedSource(replace(settings, seed=truth)).head(rows)
    return {name: log[name].to_numpy() for name in log.columns if name != "click"}, log["click"].to_numpy()


@pytest.mark.parametrize("truth", [1, 2, 3])
def test_the_field_that_decides_is_found_and_only_where_one_does(truth):
    found = measure_interactions(*planted(20_000, truth, context="slot", active=4))
    assert found.strongest(among=found.fields) == "slot" and len(found.decided_by("slot")) >= 3
    assert found.strongest(among=[name for name in found.fields if name != "slot"]) is None
    nothing = measure_interactions(*planted(20_000, truth))
    assert nothing.strongest(among=nothing.fields) is None


def test_more_pairs_ask_for_more():
    def interactions(count, z):
        names = tuple(f"f{number}" for number in range(count))
        z = np.full((count, count), float(z)) * ~np.eye(count, dtype=bool)
        return Interactions(fields=names, gain=z / 1000, z=z)

    assert interactions(4, 3.0).decided_by("f1") == ("f0", "f2", "f3"), "of 6 pairs one in 120 is beyond 2.39"
    assert interactions(60, 3.9).decided_by("f1") == () and len(interactions(60, 4.1).decided_by("f1")) == 59


def test_columns_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="b must have a value for each of 3 labels; got 2"):
        measure_interactions({"a": np.zeros(3, int), "b": np.zeros(2, int)}, np.zeros(3))
