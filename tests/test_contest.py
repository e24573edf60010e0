"""A contest holds each pair once, and says the same whichever of the two is asked about; and whose its models are."""

import json
from pathlib import Path

import pytest

from tamis.errors import DataError
from tamis.record import is_ssr, pair_test, resolution

RESULTS = Path(__file__).parents[1] / "results"
TEST = {
    **{"one": "fm", "other": "mlp", "difference": 0.01, "low": -0.02, "high": 0.05, "verdict": "better"},
    **{"rows_error": 0.1, "seeds_error": 0.1, "p": 0.2, "p_holm": 0.3, "told_from": 0.06},
    **{"bootstrap_low": 0.001, "bootstrap_high": 0.02},
}


def test_a_pair_asked_the_way_it_is_held_is_what_is_held():
    assert pair_test([TEST | {"one": "lr"}, TEST], "fm", "mlp") == TEST


def test_a_pair_asked_the_other_way_has_its_signs_ends_and_word_turned():
    assert pair_test([TEST | {"one": "lr"}, TEST], "mlp", "fm") == {
        **{"one": "mlp", "other": "fm", "difference": -0.01, "low": -0.05, "high": 0.02, "verdict": "worse"},
        **{"rows_error": 0.1, "seeds_error": 0.1, "p": 0.2, "p_holm": 0.3, "told_from": 0.06},
        **{"bootstrap_low": -0.02, "bootstrap_high": -0.001},
    }
    for word, turned in (("worse", "better"), ("not told apart", "not told apart")):
        assert pair_test([TEST | {"verdict": word}], "mlp", "fm")["verdict"] == turned


def test_a_difference_of_nothing_has_no_sign():
    assert f"{pair_test([TEST | {'difference': 0.0}], 'mlp', 'fm')['difference']:+.4f}" == "+0.0000"


def contest_of(**told_from):
    """``a`` won before ``b``, ``c`` and ``d``; trees stand beside them, and ``e`` failed."""
    line = {"outside": False, "auc": 0.7, "against_best": "not told apart"}
    ranking = [{**line, "model": "trees", "outside": True}, {**line, "model": "a", "against_best": "best"}]
    ranking += [*({**line, "model": name} for name in "bcd"), {**line, "model": "e", "auc": None}]
    tests = [TEST | {"one": "a", "other": other, "told_from": least} for other, least in told_from.items()]
    return {"ranking": ranking, "tests": [*tests, TEST | {"one": "b", "other": "c", "told_from": 0.0001}]}


def test_the_resolution_is_of_half_the_pairs_with_the_best_model():
    assert resolution(contest_of(b=0.01, c=0.02, d=0.5, trees=9.0)) == 0.02
    assert resolution(contest_of(b=0.01, c=None, d=0.03, trees=None)) == pytest.approx(0.02)
    assert resolution(contest_of(b=None, c=None, d=None, trees=None)) is None


def test_to_turn_twice_is_to_turn_not_at_all():
    for contest in json.loads((RESULTS / "verdicts.json").read_text())["data_sets"]:
        for test in contest["tests"]:
            there = pair_test([test], test["other"], test["one"])
            assert there["low"] <= there["difference"] <= there["high"]
            assert (
                pair_test([there], test["one"], test["other"]) == test == pair_test([test], test["one"], test["other"])
            )


def test_a_pair_that_no_test_is_of_is_refused():
    with pytest.raises(DataError, match=r"'mlp' beside 'lr': a test needs two models .*, which are \['fm', 'mlp'\]"):
        pair_test([TEST], "mlp", "lr")


def test_a_model_is_of_the_family_by_what_it_is_and_not_by_its_label():
    assert is_ssr({"name": "ssr_s", "label": "static"}) and not is_ssr({"name": "lightgbm", "label": "ssr_trees"})
