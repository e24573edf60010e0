"""Boosted trees on a small encoded set, of which the truth is known."""

import sys

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tamis.data import EncodedSet, FrameSource, SplitSettings, prepare
from tamis.errors import ConfigError
from tamis.features import Schema
from tamis.trees import LightGBMSettings, fit_trees, load_trees, require_lightgbm

pytest.importorskip("lightgbm")
SMALL = LightGBMSettings(rounds=60, patience=10, learning_rate=0.1, leaves=7)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> EncodedSet:
    """A click that user and item decide, together and by themselves, opened without its test rows."""
    random = np.random.default_rng(0)
    user, item = random.integers(0, 20, 4000), random.integers(0, 10, 4000)
    logit = random.normal(0, 1, 20)[user] + random.normal(0, 1, 10)[item] + random.normal(0, 1, (20, 10))[user, item]
    log = pl.DataFrame({"user": user, "item": item, "click": random.binomial(1, 1 / (1 + np.exp(-logit)))})
    log = log.with_columns(pl.col("user", "item").cast(pl.String))
    folder = tmp_path_factory.mktemp("encoded")
    prepare(
        source=FrameSource(log, name="log"),
        schema=Schema.infer(log, label="click"),
        split=SplitSettings(),
        folder=folder,
        name="log",
    )
    return EncodedSet.open(folder, splits=("train", "valid"))


def auc_of(trees, encoded, split="valid"):
    return roc_auc_score(encoded.split(split).labels["click"], trees.score(encoded, split))


@pytest.mark.parametrize("encoding", ["rates", "categories"])
def test_they_learn_and_stop_at_their_best_round(encoded, encoding):
    settings = LightGBMSettings(**{**vars(SMALL), "encoding": encoding})
    trees = fit_trees(encoded, settings)
    assert auc_of(trees, encoded) > 0.7
    assert 1 <= trees.trees <= 60 and 2 * trees.trees <= trees.leaves <= 7 * trees.trees
    one = fit_trees(encoded, LightGBMSettings(**{**vars(settings), "rounds": 1}))
    assert one.trees == 1 and auc_of(one, encoded) < auc_of(trees, encoded)


def test_the_metric_that_stops_them_is_the_one_asked_for(encoded):
    settings = LightGBMSettings(**{**vars(SMALL), "learning_rate": 0.3, "patience": 60})
    labels = encoded.split("valid").labels["click"]
    by_auc, by_loss = (fit_trees(encoded, settings, metric=metric) for metric in ("auc", "log_loss"))
    assert by_loss.trees < by_auc.trees  # the chances become too sure while the order still gains
    assert auc_of(by_auc, encoded) > auc_of(by_loss, encoded)
    losses = [log_loss(labels, trees.score(encoded, "valid")) for trees in (by_auc, by_loss)]
    assert losses[1] < losses[0]


def test_the_same_seed_gives_the_same_trees_and_saved_ones_score_alike(encoded, tmp_path):
    settings = LightGBMSettings(**{**vars(SMALL), "row_share": 0.7, "column_share": 0.7})
    first, again, other = (fit_trees(encoded, settings, seed=seed).score(encoded, "valid") for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    trees = fit_trees(encoded, settings, seed=3)
    trees.save(tmp_path / "trees.txt")
    loaded = load_trees(tmp_path / "trees.txt", encoded, settings, seed=3)
    np.testing.assert_array_equal(loaded.score(encoded, "valid"), first)
    assert (loaded.trees, loaded.leaves) == (trees.trees, trees.leaves)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leaves": 1}, "leaves must be at least 2; got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0; got 0.0"),
        ({"row_share": 1.5}, "row_share must be above 0 and at most 1; got 1.5"),
    ],
)
def test_settings_that_break_a_rule_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        LightGBMSettings(**change)


def test_without_the_package_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ConfigError, match=r"needs the package lightgbm, .* 'tamis\[gbdt\]'`, or leave the reference"):
        require_lightgbm()
