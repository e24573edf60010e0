"""Models of equal size, or one sentence why not."""

import dataclasses

import pytest

from tamis.analysis import count_parameters
from tamis.errors import ConfigError
from tamis.experiment import build_model
from tamis.study import prepare_study, read_study
from tamis.study.budget import match_budget, measure

SCALED = {
    "mlp": ["hidden"],
    "dcn_v2": ["hidden"],
    "ssr_s": ["widths"],
    "ssr_d": ["widths"],
}
BASE = {
    "mlp": {"hidden": [64, 32]},
    "dcn_v2": {"hidden": [64, 32], "num_crosses": 2, "rank": 8},
    "ssr_s": {"preset": "paper", "views": [8], "widths": [32]},
    "ssr_d": {"preset": "official", "views": [4, 4], "widths": [32, 32]},
}


@pytest.fixture
def match(plant, tiny):
    def matched(models, **budget):
        table = {
            **tiny.study_of([plant("log")], models),
            "budget": {"kind": "parameters", "targets": [20_000], **budget},
        }
        study = read_study(table, where="study.toml")
        encoded = prepare_study(study)["log"]
        return encoded, [match_budget(one.settings, one, study.budget, encoded) for one in study.entrants()]

    return matched


@pytest.mark.parametrize(("kind", "target"), [("parameters", 20_000), ("flops", 40_000)])
def test_every_model_comes_within_the_tolerance(match, kind, target):
    models = [{"name": name, "settings": BASE[name], "budget_setting": SCALED[name]} for name in BASE]
    encoded, matched = match(models, kind=kind, targets=[target])
    for one in matched:
        built = build_model(one.settings, encoded)
        assert one.size.dense == count_parameters(built)["dense"]
        reached = one.size.dense if kind == "parameters" else one.size.flops
        assert abs(reached - target) <= 0.05 * target, one.settings.model
        assert one.factor is not None


def test_all_widths_are_scaled_by_one_factor_to_multiples(match, tiny):
    _, (one,) = match([tiny.mlp(settings={"hidden": [64, 32]}, budget_setting="hidden")], multiple=8, tolerance=0.1)
    first, second = one.settings.model_settings.hidden
    assert first % 8 == second % 8 == 0
    assert first == 8 * int(64 * one.factor / 8 + 0.5) and second == 8 * int(32 * one.factor / 8 + 0.5)


def test_no_neighbouring_width_is_nearer(match, tiny):
    encoded, (one,) = match([tiny.mlp(settings={"hidden": [64]}, budget_setting="hidden")])
    (width,) = one.settings.model_settings.hidden
    for other in (width - 4, width + 4):
        config = dataclasses.replace(one.settings.model_settings, hidden=(other,))
        size = measure(dataclasses.replace(one.settings, model_settings=config), encoded)
        assert abs(size.dense - 20_000) >= abs(one.size.dense - 20_000)


def test_a_model_that_grows_in_large_steps_is_rounded_more_finely(match):
    models = [{"name": "ssr_d", "settings": BASE["ssr_d"], "budget_setting": "widths"}]
    _, (coarse,) = match(models, tolerance=0.2)
    _, (fine,) = match(models, tolerance=0.05)
    assert all(width % 4 == 0 for width in coarse.settings.model_settings.widths)
    assert abs(coarse.size.dense - 20_000) > 1000 >= abs(fine.size.dense - 20_000)


def test_steps_that_a_model_refuses_are_not_taken(match):
    """Four tokens divide every width, so only multiples of 4 can be had: the nearest of them, or a word why not."""
    models = [{"name": "rank_mixer", "settings": {"num_tokens": 4}, "budget_setting": "token_width"}]
    _, (one,) = match(models, tolerance=0.2)
    assert one.settings.model_settings.token_width % 4 == 0
    with pytest.raises(ConfigError, match=r"must be met within 0%; the nearest is"):
        match(models, tolerance=0.0001)


def test_a_model_without_a_budget_setting_keeps_its_size(match, tiny):
    _, (one,) = match([tiny.mlp()])
    assert one.factor is None and one.settings.model_settings.hidden == (8,)


def test_a_budget_out_of_reach_says_what_was_reached(match, tiny):
    with pytest.raises(
        ConfigError, match=r"'mlp' on 'log': the budget of 3 parameters .* within 5%; the nearest is .*"
    ):
        match([tiny.mlp(budget_setting="hidden")], targets=[3])


def test_what_is_no_number_cannot_be_scaled(match, tiny):
    with pytest.raises(ConfigError, match=r"budget_setting 'dropout' must be a whole number or a list .* got 0.0"):
        match([tiny.mlp(budget_setting="dropout")])


def test_one_row_meets_the_vectors_of_its_ids_and_every_dense_number(plant, tiny):
    study = read_study(tiny.study_of([plant("log")], [tiny.mlp()]), where="study.toml")
    size = measure(study.entrants()[0].settings, prepare_study(study)["log"])
    assert size.active == size.dense + 2 * 4  # user and item, each with a vector of 4
    assert size.flops == size.closed_flops == 2 * (8 * 8 + 8)
