"""The notebook's five lines, with the manners of scikit-learn."""

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import tamis
from tamis.errors import CheckpointError, ConfigError, DataError
from tamis.features import Schema

QUICK = {"settings": {"dim": 4, "hidden": [8]}, "training": {"epochs": 2, "batch_size": 128, "device": "cpu"}}


@pytest.fixture(scope="module")
def fitted(click_log):
    return tamis.Ranker("mlp", **QUICK).fit(click_log, label="click")


def test_five_lines_learn_something_and_survive_saving(fitted, click_log, tmp_path):
    values = fitted.evaluate(click_log)
    assert values["auc"] > 0.7
    assert values["rows"] == len(click_log)
    fitted.save(tmp_path / "model")
    loaded = tamis.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(click_log), fitted.predict(click_log))
    assert loaded.record_ == fitted.record_
    assert loaded.save(tmp_path / "again").is_dir()


def test_a_fitted_model_can_be_looked_into(fitted, click_log):
    found = fitted.inspect(click_log[:100].drop("click").to_pandas())
    assert (found.model, found.rows, found.seed, found.dataset) == ("mlp", 100, 0, "frame")
    assert fitted.inspect().rows == 0
    with pytest.raises(ConfigError, match="not fitted yet"):
        tamis.Ranker("mlp").inspect()


def test_an_ssr_can_be_made_lighter_saved_and_loaded(click_log, fitted, tmp_path):
    settings = {"dim": 4, "views": [3, 2], "widths": [8, 8], "iterations": 4}
    full = tamis.Ranker("ssr_d", settings=settings, training=QUICK["training"]).fit(click_log, label="click")
    light = full.lighter(iterations=1, views=1)
    assert not np.array_equal(light.predict(click_log), full.predict(click_log))
    assert 0.6 < light.evaluate(click_log)["auc"] < full.evaluate(click_log)["auc"]
    light.save(tmp_path / "light")
    loaded = tamis.load(tmp_path / "light")
    assert (loaded.settings["iterations"], loaded.settings["views"]) == (1, [3, 1])
    np.testing.assert_array_equal(loaded.predict(click_log), light.predict(click_log))
    with pytest.raises(ConfigError, match="only models of the SSR family can be made lighter; got 'mlp'"):
        fitted.lighter(views=1)


def test_an_ssr_can_be_made_as_light_as_so_many_milliseconds_allow(click_log, fitted):
    settings = {"dim": 4, "views": [3, 4], "widths": [8, 8], "iterations": 2}
    full = tamis.Ranker("ssr_d", settings=settings, training=QUICK["training"]).fit(click_log, label="click")
    assert full.lighter(milliseconds=60_000, rows=5).settings == full.lighter(views=4).settings, "all of it fits"
    with pytest.raises(ConfigError, match=r"lightest form .*1 last view.* takes .* ms for 5 rows, above the 1e-09"):
        full.lighter(milliseconds=1e-9, rows=5)
    with pytest.raises(ConfigError, match="milliseconds choose iterations and views themselves. Leave the others out"):
        full.lighter(milliseconds=1.0, views=1)
    with pytest.raises(ConfigError, match="milliseconds must be above 0 and rows at least 1; got 0 and 5"):
        full.lighter(milliseconds=0, rows=5)
    with pytest.raises(ConfigError, match="only models of the SSR family can be made lighter; got 'mlp'"):
        fitted.lighter(milliseconds=1.0)


def test_predictions_are_one_probability_a_row(fitted, click_log):
    scores = fitted.predict(click_log.drop("click"))
    assert scores.shape == (len(click_log),)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    both = fitted.predict_proba(click_log)
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(both[:, 1], scores)
    assert fitted.score(click_log) == pytest.approx(roc_auc_score(click_log["click"], scores), abs=1e-9)


def test_pandas_and_polars_give_the_same_scores(click_log):
    flat = click_log.drop("tags")
    ranker = tamis.Ranker("mlp", **QUICK)
    from_polars = ranker.fit(flat, label="click").predict(flat)
    from_pandas = ranker.fit(flat.to_pandas(), label="click").predict(flat.to_pandas())
    np.testing.assert_array_equal(from_polars, from_pandas)


def test_fields_may_be_chosen_by_their_worth(click_log):
    noise = pl.Series("noise", np.random.default_rng(1).integers(0, 90, len(click_log)).astype(str))
    log = click_log.with_columns(noise)
    ranker = tamis.Ranker("mlp", **QUICK, worth={"threshold": 2.5})
    ranker.fit(log, label="click")
    kept = {line["name"] for line in ranker.record_.worth if line["kept"]}
    assert {"user_id", "item_id"} <= kept and "noise" not in kept
    assert np.array_equal(ranker.predict(log.drop("noise")), ranker.predict(log))
    assert ranker.get_params()["worth"] == {"threshold": 2.5}
    with pytest.raises(ConfigError, match=r"Ranker worth: WorthSettings has no setting 'treshold'"):
        tamis.Ranker("mlp", worth={"treshold": 2.0}).fit(log, label="click")


def test_validation_rows_may_be_given(click_log):
    ranker = tamis.Ranker("mlp", **QUICK).fit(click_log[:1500], label="click", valid=click_log[1500:])
    assert ranker.record_.rows == {"train": 1500, "valid": 500}
    assert ranker.record_.test == {}


def test_the_label_may_come_beside_the_frame(click_log):
    features, label = click_log.drop("click"), click_log["click"]
    named = tamis.Ranker("mlp", **QUICK).fit(features, label)
    inside = tamis.Ranker("mlp", **QUICK).fit(click_log, label="click")
    np.testing.assert_array_equal(named.predict(features), inside.predict(features))
    assert named.score(features, label) == inside.score(click_log)


def test_it_works_in_a_pipeline_of_frames_and_can_be_cloned(click_log):
    cheap = FunctionTransformer(lambda frame: frame.with_columns(cheap=pl.col("price") < 5))
    pipeline = Pipeline([("cheap", cheap), ("rank", tamis.Ranker("mlp", **QUICK))])
    pipeline.fit(click_log.drop("click"), click_log["click"])
    assert pipeline.predict(click_log.drop("click")).shape == (len(click_log),)
    copy = clone(pipeline).set_params(rank__seed=3)
    assert copy.get_params()["rank__seed"] == 3
    assert copy.get_params()["rank__settings"] == QUICK["settings"]


def test_a_schema_decides_what_is_read(click_log):
    schema = Schema.infer(click_log.select("user_id", "click"), label="click")
    ranker = tamis.Ranker("mlp", schema=schema, **QUICK).fit(click_log)
    assert ranker.predict(click_log.select("user_id")).shape == (len(click_log),)


def test_mistakes_are_answered(click_log, tmp_path):
    with pytest.raises(ConfigError, match=r"no model is called 'ssrd'. Did you mean 'ssr_d'\?"):
        tamis.Ranker("ssrd").fit(click_log, label="click")
    with pytest.raises(ConfigError, match=r"Ranker settings of mlp: MLPConfig has no setting 'hiden'"):
        tamis.Ranker("mlp", settings={"hiden": [8]}).fit(click_log, label="click")
    with pytest.raises(ConfigError, match=r"Ranker training: TrainingSettings has no setting 'epoch'"):
        tamis.Ranker("mlp", training={"epoch": 8}).fit(click_log, label="click")
    with pytest.raises(ConfigError, match=r'fit needs the label: fit\(frame, label="click"\)'):
        tamis.Ranker("mlp").fit(click_log)
    with pytest.raises(DataError, match=r"the frame has no column 'clck' for the label. Did you mean 'click'\?"):
        tamis.Ranker("mlp").fit(click_log, label="clck")
    with pytest.raises(ConfigError, match="this Ranker is not fitted yet"):
        tamis.Ranker("mlp").predict(click_log)
    with pytest.raises(ConfigError, match=r"Ranker has no parameter 'sed'. Did you mean 'seed'\?"):
        tamis.Ranker("mlp").set_params(sed=1)
    with pytest.raises(CheckpointError, match="is not a saved model"):
        tamis.load(tmp_path)
    with pytest.raises(DataError, match="user_id"):
        tamis.Ranker("mlp", **QUICK).fit(click_log, label="click").predict(click_log.drop("user_id"))


def test_several_labels_give_a_score_each(click_log):
    two = click_log.with_columns(late=(pl.col("time") % 2).cast(pl.Int64))
    schema = Schema.infer(two, label=["click", "late"])
    ranker = tamis.Ranker("mlp", schema=schema, **QUICK).fit(two)
    assert ranker.predict(two).shape == (len(two), 2)
    assert {"click.auc", "late.auc"} <= ranker.evaluate(two).keys()
