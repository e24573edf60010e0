"""The Bayes bound of a split, and models beside it: close to it where that is easy, at 1/2 where nothing is to find."""

import numpy as np
import pytest

from tamis.data import EncodedSet, RowShare, SplitSettings
from tamis.data.recipes import RECIPES
from tamis.errors import ConfigError
from tamis.experiment import DataSettings, bayes_bounds, prepare_data, read_settings, run_experiment
from tamis.metrics import BayesBound


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))


def run(tmp_path, recipe, options):
    table = {
        "data": {"recipe": recipe, "options": options, "folder": str(tmp_path / "encoded")},
        "model": {"name": "mlp", "dim": 8, "hidden": [32], "dropout": 0.0},
        "training": {"epochs": 4, "batch_size": 512, "device": "cpu"},
    }
    settings = read_settings(table, where="test")
    record = run_experiment(settings, prepare_data(settings.data), folder=tmp_path / "run", command="test")
    assert record is not None
    return record, bayes_bounds(settings.data)["test"]


def standard_error(test):
    """Of an AUC of 1/2: that of the Mann-Whitney statistic without signal."""
    positives = test["positive_rate"] * test["rows"]
    return np.sqrt((test["rows"] + 1) / (12 * positives * (test["rows"] - positives)))


def test_a_model_comes_close_to_the_bound_of_an_easy_log(tmp_path):
    easy = {
        "rows": 30_000,
        "base_rate": 0.4,
        "fields": [{"name": "field", "size": 10, "copies": 4}, {"name": "noise", "size": 10}],
        "interactions": [{"fields": ["field"]}, {"fields": ["field_1", "field_2"], "order": 2, "scale": 0.7}],
    }
    record, bound = run(tmp_path, "planted", easy)
    assert record.test["rows"] == bound["rows"]
    assert bound["auc"] > 0.77
    error = standard_error(record.test)
    assert bound["auc"] - 0.01 - 2.6 * error < record.test["auc"] < bound["auc"] + 2.6 * error
    assert record.test["log_loss"] == pytest.approx(bound["log_loss"], abs=0.02)


def test_a_model_of_pure_noise_is_not_told_from_a_half(tmp_path):
    record, bound = run(tmp_path, "planted-null", {"rows": 30_000, "fields": [{"name": "noise", "copies": 10}]})
    assert bound["auc"] == 0.5
    assert abs(record.test["auc"] - 0.5) < 2.6 * standard_error(record.test)
    assert record.test["log_loss"] > bound["log_loss"] - 0.01


def test_the_bound_of_each_split_is_that_of_its_rows(tmp_path):
    split = SplitSettings(kind="time", fractions=(0.5, 0.25, 0.25))
    found = bayes_bounds(DataSettings(recipe="planted", options={"rows": 1_000}, split=split))
    source = RECIPES["planted"].with_options({"rows": 1_000, "with_chance": True}, where="test").open()
    for name, rows in {"train": slice(0, 500), "valid": slice(500, 750), "test": slice(750, 1_000)}.items():
        bound = BayesBound()
        bound.update(source.head(1_000)["chance"].to_numpy()[rows])
        assert found[name] == bound.compute()


def test_the_bound_of_training_is_that_of_the_share_that_trains():
    options = {"rows": 150_000}  # more than one chunk of training rows
    split = SplitSettings(kind="time", fractions=(0.8, 0.1, 0.1))
    found, whole = (
        bayes_bounds(DataSettings(recipe="planted", options=options, split=split, train_share=share))
        for share in (0.2, None)
    )
    source = RECIPES["planted"].with_options(options | {"with_chance": True}, where="test").open()
    chances = np.concatenate([chunk["chance"].to_numpy() for chunk in source.chunks(["chance"])])
    bound = BayesBound()
    bound.update(chances[:120_000][RowShare(0.2).kept(0, 120_000)])
    assert found["train"] == bound.compute()
    assert (found["valid"], found["test"]) == (whole["valid"], whole["test"]) and whole["train"]["rows"] == 120_000


def test_an_encoded_log_is_used_again_until_an_option_changes(tmp_path):
    def prepared(**options) -> EncodedSet:
        return prepare_data(DataSettings(recipe="planted", options=options, folder=str(tmp_path / "encoded")))

    first, again, other = prepared(rows=2_000), prepared(rows=2_000), prepared(rows=2_000, seed=1)
    assert first.manifest == again.manifest
    assert first.name == "planted-rows-2000" and other.name == "planted-rows-2000-seed-1"
    assert other.fingerprint != first.fingerprint
    assert [source.name.endswith(".planted") for source in first.manifest.sources] == [True]


def test_true_chances_of_other_data_are_refused():
    with pytest.raises(ConfigError, match="adult: true chances are known of planted logs only"):
        bayes_bounds(DataSettings(recipe="adult"))


def test_options_where_there_are_none_are_refused():
    with pytest.raises(ConfigError, match=r"recipe 'adult' has no options; got rows. Remove \[data.options\]"):
        prepare_data(DataSettings(recipe="adult", options={"rows": 5}))
    with pytest.raises(ConfigError, match="options are those of a recipe, and none is named"):
        DataSettings(path="log.csv", schema="schema.toml", options={"rows": 5})
