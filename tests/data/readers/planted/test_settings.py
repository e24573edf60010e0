"""Every rule of the settings, and the text of its error."""

import pytest

from tamis.config import read_config, write_config
from tamis.data.readers.planted import ColdIds, PlantedField, PlantedInteraction, PlantedSettings
from tamis.errors import ConfigError


def log(*interactions, **changes):
    fields = (PlantedField(name="user", size=9), PlantedField(name="item", size=9, copies=3))
    return PlantedSettings(**{"fields": fields, "interactions": interactions, **changes})


def test_a_table_gives_the_settings_back():
    fields = (PlantedField(name="user", cold=ColdIds(size=5), missing=0.1), PlantedField(name="price", kind="numeric"))
    interaction = PlantedInteraction(fields=("user", "price"), order=2)
    settings = PlantedSettings(fields=fields, interactions=(interaction,), rows=7)
    assert read_config(PlantedSettings, write_config(settings), where="here") == settings


def test_the_name_of_a_field_with_copies_stands_for_all_of_them():
    settings = log()
    assert list(settings.columns) == ["user", "item_1", "item_2", "item_3"]
    assert settings.members(PlantedInteraction(fields=("item", "user"))) == ("item_1", "item_2", "item_3", "user")
    assert settings.members(PlantedInteraction(fields=("item_2",))) == ("item_2",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": ""}, "a planted field needs a name"),
        ({"kind": "categoric"}, r"'x': kind must be one of .*; got 'categoric'. Did you mean 'categorical'\?"),
        ({"size": 0}, "'x': size and copies must be at least 1; got 0 and 1"),
        ({"copies": 0}, "'x': size and copies must be at least 1; got 100 and 0"),
        ({"exponent": -0.5}, "'x': exponent must be between 0 and 3; got -0.5"),
        ({"exponent": 3.5}, "'x': exponent must be between 0 and 3; got 3.5"),
        ({"missing": 1.0}, r"'x': missing must be at least 0 and below 1; got 1.0"),
        ({"missing_effect": 1.0}, "'x': missing_effect has no meaning without missing values. Set `missing` too"),
        ({"kind": "numeric", "exponent": 1.0}, "'x': exponent has no meaning for kind 'numeric'. Remove it"),
        ({"kind": "numeric", "cold": ColdIds(size=3)}, "'x': cold has no meaning for kind 'numeric'. Remove it"),
    ],
)
def test_a_wrong_field_is_told(settings, message):
    with pytest.raises(ConfigError, match=message):
        PlantedField(**{"name": "x", **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "cold size must be at least 1; got 0"),
        ({"size": 1, "start": 1.0}, "cold start must be above 0 and below 1; got 1.0"),
        ({"size": 1, "share": 0.0}, "cold share must be above 0 and at most 1; got 0.0"),
    ],
)
def test_wrong_cold_ids_are_told(settings, message):
    with pytest.raises(ConfigError, match=message):
        ColdIds(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 0}, "interaction of user: order and rank must be at least 1; got 0 and 1"),
        ({"rank": 0, "order": 2}, "order and rank must be at least 1; got 2 and 0"),
        ({"rank": 2}, "rank has no meaning for order 1. Remove it"),
        ({"scale": 0.0}, "scale must be above 0; got 0.0. Leave the interaction out for none"),
        ({"drift": 1.5}, "drift must be between 0 and 1; got 1.5"),
        ({"own": -0.1}, "own must be between 0 and 1; got -0.1"),
        ({"context": "item"}, "context and active go together"),
        ({"active": 1}, "context and active go together"),
    ],
)
def test_a_wrong_interaction_is_told(settings, message):
    with pytest.raises(ConfigError, match=message):
        PlantedInteraction(**{"fields": ("user",), **settings})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 0}, "rows and seconds must be at least 1; got 0 and 864000"),
        ({"seconds": 0}, "rows and seconds must be at least 1; got 100000 and 0"),
        ({"seed": -1}, "seed must be at least 0; got -1"),
        ({"base_rate": 1.0}, "base_rate must be above 0 and below 1; got 1.0"),
        ({"generator": 2}, "generator must be 1, the only one known; got 2. Update tamis"),
        ({"fields": ()}, "needs at least one field"),
        ({"fields": (PlantedField(name="click"),)}, "field 'click': the log has a column of its own by that name"),
        ({"fields": (PlantedField(name="a"), PlantedField(name="a"))}, "two planted fields are called 'a'. Rename one"),
        (
            {"fields": (PlantedField(name="a_1"), PlantedField(name="a", copies=2))},
            "two planted fields are called 'a_1'",
        ),
        (
            {"fields": (PlantedField(name="a", kind="scenario", copies=2),)},
            r"at most one scenario field; got \['a_1', 'a_2'\]",
        ),
    ],
)
def test_a_wrong_log_is_told(changes, message):
    with pytest.raises(ConfigError, match=message):
        log(**changes)


@pytest.mark.parametrize(
    ("interaction", "message"),
    [
        ({"fields": ("itme",)}, r"interaction of itme: no field is called 'itme'"),
        ({"fields": ("user",), "context": "page", "active": 1}, "no field is called 'page'"),
        ({"fields": ("item", "item_2")}, "interaction of item, item_2: a field stands there twice"),
        ({"fields": ("user",), "order": 2}, "order 2 needs as many fields; got 1"),
        ({"fields": ("item",), "own": 0.5}, "own needs a field of kind 'scenario'"),
        ({"fields": ("item",), "context": "item_1", "active": 1}, "the context 'item_1' cannot be one of its fields"),
        ({"fields": ("item",), "count": 4}, "count must be between 1 and 3, all there are; got 4"),
        ({"fields": ("item",), "context": "user", "active": 4}, "active must be between 1 and count, 3; got 4"),
        (
            {"fields": ("user", "item"), "order": 2, "rank": 9},
            r"each field needs at least 10 ids .*'user' has 9. Raise its size",
        ),
        ({"fields": ("user", "item"), "order": 2, "rank": 5, "drift": 0.1}, "each field needs at least 11 ids"),
    ],
)
def test_an_interaction_that_does_not_fit_the_fields_is_told(interaction, message):
    with pytest.raises(ConfigError, match=message):
        log(PlantedInteraction(**interaction))


def test_own_effects_of_the_scenario_itself_are_refused():
    fields = (PlantedField(name="page", kind="scenario"), PlantedField(name="user"))
    for members in (("page",), ("page", "user")):
        with pytest.raises(ConfigError, match="own needs a field of kind 'scenario' that is not one of"):
            PlantedSettings(fields=fields, interactions=(PlantedInteraction(fields=members, own=0.5),))


def test_cold_ids_too_few_for_the_effects_are_told():
    fields = (PlantedField(name="user", cold=ColdIds(size=1)),)
    with pytest.raises(ConfigError, match=r"at least 2 ids \(and as many cold ones, if any\).*'user' has 1"):
        PlantedSettings(fields=fields, interactions=(PlantedInteraction(fields=("user",)),))


def test_more_sets_than_can_be_listed_are_refused():
    fields = (PlantedField(name="a", copies=100),)
    with pytest.raises(ConfigError, match="75,287,520 sets of 5 are more than 1,000,000. Name fewer"):
        PlantedSettings(fields=fields, interactions=(PlantedInteraction(fields=("a",), order=5, count=3),))
