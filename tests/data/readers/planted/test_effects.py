"""Effects by the formula, over every combination of ids: their order is exact, and so is their size."""

from itertools import combinations, product

import numpy as np
import pytest

from tamis.data.readers.planted import ColdIds, PlantedField, PlantedInteraction
from tamis.data.readers.planted.effects import Effect, hidden_values
from tamis.data.readers.planted.values import FieldValues, Span, Values

SIZES = (6, 7, 9)


def fields_of(count, **changes):
    return [FieldValues(PlantedField(name=f"f{i}", size=SIZES[i], exponent=0.8, **changes)) for i in range(count)]


def all_rows(effect, sizes, *, time=0.0, scenario=None):
    """The effect for every combination of ids, as an array with an axis a field, all at one time."""
    codes = np.array(list(product(*(range(size) for size in sizes)))).T
    values = {f"f{i}": Values(codes=ids, is_missing=None, numbers=None) for i, ids in enumerate(codes)}
    rows = codes.shape[1]
    if scenario is not None:
        values["page"] = Values(codes=np.full(rows, scenario), is_missing=None, numbers=None)
    span = Span(seed=0, first=0, count=rows, total=rows)
    vars(span)["times"] = np.full(rows, time)
    return effect.logits(values, span).reshape(sizes)


def make_effect(fields, scenario=None, **settings):
    interaction = PlantedInteraction(fields=tuple(field.field.name for field in fields), order=len(fields), **settings)
    return Effect(fields, interaction=interaction, key=(3, 0), scenario=scenario)


@pytest.mark.parametrize("time", [0.0, 0.37, 1.0])
@pytest.mark.parametrize(
    ("count", "settings"),
    [(1, {}), (2, {}), (3, {}), (2, {"rank": 3}), (1, {"drift": 0.6}), (2, {"rank": 2, "drift": 1.0})],
)
def test_an_effect_has_variance_1_and_tells_nothing_to_fewer_fields(count, settings, time):
    fields = fields_of(count)
    chances = [field.block_chances[0] for field in fields]
    effect = all_rows(make_effect(fields, **settings), SIZES[:count], time=time)
    letters = "abc"[:count]
    weighted = ",".join([letters, *letters])
    assert np.einsum(f"{weighted}->", effect**2, *chances) == pytest.approx(1, abs=1e-5)
    for fewer in range(count):
        for kept in combinations(range(count), fewer):
            others = [i for i in range(count) if i not in kept]
            arguments = [effect, *(chances[i] for i in others)]
            asked = ",".join([letters, *(letters[i] for i in others)]) + "->" + "".join(letters[i] for i in kept)
            assert np.abs(np.einsum(asked, *arguments)).max() < 1e-5


def test_an_effect_is_the_sum_of_products_of_its_hidden_values():
    fields = fields_of(3)
    effect = make_effect(fields, rank=2)
    first, second, third = effect._first, *effect._others
    found = all_rows(effect, SIZES)
    for i, j, k in [(0, 0, 0), (5, 2, 8), (3, 6, 1)]:
        expected = sum(first[i, r] * second[j, r] * third[k, r] for r in range(2)) / 2**0.5
        assert found[i, j, k] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("drift", "time"), [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.0, 1.0)])
def test_drift_is_the_angle_by_which_the_effects_turn(order, drift, time):
    fields = fields_of(order)
    effect = make_effect(fields, drift=drift)
    before, after = (all_rows(effect, SIZES[:order], time=at) for at in (0.0, time))
    chances = np.ones(())
    for field in fields:
        chances = np.multiply.outer(chances, field.block_chances[0])
    assert (chances * before * after).sum() == pytest.approx(np.cos(drift * time * np.pi / 2), abs=1e-5)


@pytest.mark.parametrize("own", [0.0, 0.3, 1.0])
def test_own_is_the_share_of_the_variance_that_a_scenario_has_to_itself(own):
    pages = FieldValues(PlantedField(name="page", kind="scenario", size=40))
    (field,) = fields = [FieldValues(PlantedField(name="f0", size=60, exponent=0.5))]
    chances = field.block_chances[0]
    effect = make_effect(fields, scenario=pages, own=own)
    pages_apart = np.array([all_rows(effect, (60,), scenario=page) for page in range(40)])
    np.testing.assert_allclose(pages_apart @ chances, 0, atol=1e-5)
    np.testing.assert_allclose(pages_apart**2 @ chances, 1, atol=1e-5)
    shared = effect._first[:-1, 0]
    np.testing.assert_allclose(pages_apart @ (chances * shared), np.sqrt(1 - own), atol=1e-5)
    # Two scenarios have only the shared part in common; what is their own is drawn apart.
    between = (chances * pages_apart) @ pages_apart.T
    apart = between[~np.eye(40, dtype=bool)]
    assert apart.mean() == pytest.approx(1 - own, abs=0.02)


def test_own_effects_drift_like_the_shared_ones():
    pages = FieldValues(PlantedField(name="page", kind="scenario", size=3))
    (field,) = fields = [FieldValues(PlantedField(name="f0", size=12, exponent=0.5))]
    effect = make_effect(fields, scenario=pages, own=0.5, drift=1.0)
    for page in range(3):
        start, end = (all_rows(effect, (12,), scenario=page, time=time) for time in (0.0, 1.0))
        assert (field.block_chances[0] * start * end).sum() == pytest.approx(0, abs=1e-5)


def test_a_missing_value_takes_the_effect_away():
    fields = fields_of(2, missing=0.5)
    effect = all_rows(make_effect(fields, drift=0.5), (7, 8), time=0.4)  # one code more for a missing value
    assert np.abs(effect[:6, :7]).min() > 0
    assert not effect[6].any() and not effect[:, 7].any()


def test_cold_ids_have_mean_0_and_variance_1_among_themselves():
    values = FieldValues(PlantedField(name="f0", size=20, cold=ColdIds(size=8)))
    hidden = hidden_values(values, width=2, random=np.random.default_rng(0))
    assert hidden.shape == (29, 2)
    for rows, chances in ((hidden[:20], values.block_chances[0]), (hidden[20:28], values.block_chances[1])):
        np.testing.assert_allclose(chances @ rows, 0, atol=1e-6)
        np.testing.assert_allclose((chances[:, None] * rows).T @ rows, np.eye(2), atol=1e-6)


def test_other_sets_and_other_seeds_have_effects_of_their_own():
    fields = fields_of(2)
    interaction = PlantedInteraction(fields=("f0", "f1"), order=2)
    made = [
        Effect(members, interaction=interaction, key=key, scenario=None)._first
        for members, key in ((fields, (3, 0)), (fields, (3, 1)), (fields, (4, 0)))
    ]
    assert not np.isclose(made[0], made[1])[:-1].any() and not np.isclose(made[0], made[2])[:-1].any()
    assert np.array_equal(made[0], make_effect(fields)._first)
