"""What is served is what was evaluated."""

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from tamis.data.batching import make_batch
from tamis.errors import DataError
from tamis.export import Bundle
from tamis.features import Schema, fit_encoders
from tamis.models import MODELS
from tamis.serving import Scorer


@pytest.fixture
def bundle(click_log) -> Bundle:
    encoders = fit_encoders(Schema.infer(click_log, label="click"), [click_log])
    torch.manual_seed(0)
    settings = MODELS["mlp"].config(hidden=(8,))
    model = MODELS["mlp"].build(settings, encoders.layout).eval()
    return Bundle(model_name="mlp", model_settings=settings, model=model, encoders=encoders)


def test_scores_do_not_depend_on_how_rows_are_cut(bundle, click_log):
    whole = Scorer(bundle).score(click_log)
    in_parts = Scorer(bundle, batch_size=7).score(click_log)
    chunks = [scores for _, scores in Scorer(bundle).score_chunks(click_log.iter_slices(333))]
    np.testing.assert_allclose(in_parts, whole, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(chunks), whole, atol=1e-6)


def test_a_score_is_the_models_probability(bundle, click_log):
    batch = make_batch(bundle.encoders.encode(click_log[:5]), bundle.layout)
    expected = bundle.model(batch).probabilities().detach().numpy()
    np.testing.assert_array_equal(Scorer(bundle).score(click_log[:5]), expected)


def test_labels_are_not_needed_and_change_nothing(bundle, click_log):
    np.testing.assert_array_equal(Scorer(bundle).score(click_log.drop("click")), Scorer(bundle).score(click_log))


def test_values_never_seen_are_scored_as_unknown_and_counted(bundle, click_log):
    strange = click_log[:4].with_columns(user_id=pl.lit("nobody"))
    stranger = click_log[:4].with_columns(user_id=pl.lit("somebody else"))
    scorer = Scorer(bundle)
    np.testing.assert_array_equal(scorer.score(strange), scorer.score(stranger))
    assert scorer.unseen["user_id"] == 8
    assert scorer.rows == 8


def test_no_rows_give_no_scores(bundle, click_log):
    assert Scorer(bundle).score(click_log[:0]).shape == (0, 1)


def test_evaluation_equals_scikit_learn_on_the_scores(bundle, click_log):
    scorer = Scorer(bundle, batch_size=64)
    values = scorer.evaluate(click_log.iter_slices(500))
    scores = scorer.score(click_log)[:, 0].astype(np.float64)
    labels = click_log["click"].to_numpy()
    assert values["rows"] == len(click_log)
    assert values["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    assert values["log_loss"] == pytest.approx(log_loss(labels, scores), abs=1e-7)


def test_nothing_to_evaluate_is_an_error(bundle, click_log):
    with pytest.raises(DataError, match="there is no row to evaluate"):
        Scorer(bundle).evaluate([])
    with pytest.raises(DataError, match="click"):
        Scorer(bundle).evaluate([click_log.drop("click")])
