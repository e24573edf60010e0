"""The rates of an arm are searched alike, and the comparison is paired by seed."""

import doctest
import math
import re
from pathlib import Path

import pytest

from tamis.config import read_config, read_toml
from tamis.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(ROOT.glob("experiments/*/speed/*.toml"))


def study(**changes):
    from fast_against_slow import Study

    table = {
        "models": ["mlp"],
        "seeds": [1, 2],
        "table_rates": {"row_wise_adagrad": [0.1, 0.25, 0.625], "dense_adam": [0.1, 0.25, 0.625]},
        "dense_factors": [1.0, 2.5],
    }
    return read_config(Study, table | changes, where="study")


def cell(**changes):
    from fast_against_slow import ARMS, Cell

    return Cell(dataset="movielens-1m", study=study(**changes), model="mlp", arm=ARMS["fast"], data=None)


def tried_when_best_is(rate, monkeypatch):
    import fast_against_slow

    tried = []

    def try_rates(cell, table_rate, dense_factor):
        tried.append((table_rate, dense_factor))
        auc = 1 - abs(math.log(table_rate / rate)) - 0.1 * (dense_factor != 1.0)
        return {"table_rate": table_rate, "dense_factor": dense_factor, "valid_auc": auc}

    monkeypatch.setattr(fast_against_slow, "try_rates", try_rates)
    return fast_against_slow.choose(cell()), tried


def test_a_best_rate_inside_the_grid_ends_the_search(monkeypatch):
    chosen, tried = tried_when_best_is(0.25, monkeypatch)
    assert tried == [(0.1, 1.0), (0.25, 1.0), (0.625, 1.0), (0.25, 2.5)]
    assert (chosen["table_rate"], chosen["dense_factor"]) == (0.25, 1.0)


@pytest.mark.parametrize(
    ("rate", "beyond"), [(0.04, [0.04, 0.016]), (0.0001, [0.04, 0.016]), (1.56, [1.56, 3.9]), (50.0, [1.56, 3.9])]
)
def test_a_best_rate_at_the_end_of_the_grid_is_followed_twice(rate, beyond, monkeypatch):
    _, tried = tried_when_best_is(rate, monkeypatch)
    assert [table_rate for table_rate, factor in tried[3:] if factor == 1.0] == beyond


def run(seed, auc):
    return {"seed": seed, "valid": {"auc": auc, "log_loss": 1 - auc}}


def test_differences_are_paired_by_seed():
    from fast_against_slow import differences

    fast = [run(1, 0.70), run(2, 0.80), run(3, 0.75)]
    slow = [run(1, 0.69), run(2, 0.78), run(3, 0.72)]
    found = differences(fast, slow)["valid"]
    reach = 4.302653 * 0.01 / math.sqrt(3)  # Student's t of two degrees of freedom; differences 0.01, 0.02, 0.03
    assert found["auc"] == pytest.approx({"mean": 0.02, "low": 0.02 - reach, "high": 0.02 + reach})
    assert found["log_loss"]["mean"] == pytest.approx(-0.02)
    assert found["verdict"] == "not below"
    assert differences(slow, [run(seed, 0.9) for seed in (1, 2, 3)])["valid"]["verdict"] == "below"


def test_an_arm_is_what_its_runs_are_told():
    from fast_against_slow import ARMS

    told = cell(every={"training.epochs": 2}).settings({"training.seed": 7})
    assert (told.training.precision, told.training.tables.name) == (ARMS["fast"].precision, ARMS["fast"].tables)
    assert (told.training.epochs, told.training.seed) == (2, 7)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_model_of_a_study_has_settings(path):
    from fast_against_slow import ARMS, Cell, Study

    found = read_config(Study, read_toml(path), where=str(path))
    for model in found.models:
        own = Cell(dataset=path.parent.parent.name, study=found, model=model, arm=ARMS["slow"], data=None)
        assert own.settings({}).model == model


def test_criteo_is_compared_without_its_test_part():
    from fast_against_slow import Study

    path = ROOT / "experiments" / "criteo-60k" / "speed" / "quality.toml"
    folds = read_config(Study, read_toml(path), where="study").folds
    assert folds == {"column": "part", "values": [0, 1, 2, 3, 4]}


def test_a_setting_that_a_study_does_not_have_is_refused():
    with pytest.raises(ConfigError, match=re.escape("study: Study has no setting 'seed'. Did you mean 'seeds'?")):
        study(seed=[1])


def test_the_example_runs():
    import fast_against_slow

    assert doctest.testmod(fast_against_slow) == (0, 1)
