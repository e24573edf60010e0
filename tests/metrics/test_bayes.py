"""The Bayes bound against loops over all pairs, a case on paper, and labels drawn from the chances."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import DataError
from tamis.metrics import AUC, BayesBound, LogLoss

chances_of_rows = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.9, 1.0]), max_size=20)


def bound_of(*parts) -> dict[str, float]:
    bound = BayesBound()
    for part in parts:
        bound.update(np.array(part, dtype=np.float64))
    return bound.compute()


def auc_by_pairs(chances) -> float:
    """Each ordered pair of two rows, weighted by the chance that the first is positive and the second negative."""
    won = total = 0.0
    for i, positive in enumerate(chances):
        for j, negative in enumerate(chances):
            if i != j:
                weight = positive * (1 - negative)
                total += weight
                won += weight * ((positive > negative) + 0.5 * (positive == negative))
    return won / total if total > 1e-12 else math.nan


@settings(deadline=None, max_examples=200)
@given(chances=chances_of_rows)
def test_the_bayes_auc_is_that_of_all_expected_pairs(chances):
    assert bound_of(chances)["auc"] == pytest.approx(auc_by_pairs(chances), abs=1e-12, nan_ok=True)


def test_a_thousand_different_chances_agree_with_the_loop():
    chances = np.random.default_rng(0).beta(0.5, 3.0, 1000)
    assert bound_of(chances)["auc"] == pytest.approx(auc_by_pairs(chances.tolist()), abs=1e-12)


def test_two_rows_on_paper():
    # Positive and negative are rows 1, 2 with chance 3/4 * 3/4 (won), and rows 2, 1 with 1/4 * 1/4 (lost).
    found = bound_of([0.75, 0.25])
    assert found["auc"] == pytest.approx(9 / 10)
    assert found["log_loss"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert (found["rows"], found["positive_rate"]) == (2, 0.5)
    assert found["normalised_entropy"] == pytest.approx(found["log_loss"] / math.log(2))


@pytest.mark.parametrize("chance", [0.2, 1 / 3, 0.917])
def test_where_all_chances_are_alike_the_bayes_auc_is_exactly_a_half(chance):
    assert bound_of([chance] * 12_345)["auc"] == 0.5


def test_certain_rows_lose_nothing_and_are_ranked_perfectly():
    found = bound_of([0.0, 1.0, 0.0])
    assert (found["auc"], found["log_loss"], found["normalised_entropy"]) == (1.0, 0.0, 0.0)


def test_drawn_labels_scored_by_the_chances_come_out_at_the_bound_on_average():
    random = np.random.default_rng(1)
    chances = random.beta(0.7, 2.0, 400)
    drawn = []
    for _ in range(400):
        auc, loss = AUC(), LogLoss()
        labels = random.random(400) < chances
        auc.update(chances, labels)
        loss.update(chances, labels)
        drawn.append((auc.compute(), loss.compute()))
    found = bound_of(chances)
    means, errors = np.mean(drawn, axis=0), np.std(drawn, axis=0) / np.sqrt(len(drawn))
    assert abs(means - [found["auc"], found["log_loss"]]).max() < 4 * errors.max()
    assert errors.max() < 0.003


def test_parts_and_merged_bounds_give_the_same_bits_as_one():
    chances = np.random.default_rng(2).random(1001)
    first, second = BayesBound(), BayesBound()
    first.update(chances[700:])
    second.update(chances[:700])
    first.merge(second)
    assert first.compute() == bound_of(chances) == bound_of(chances[::-1][:5], chances[::-1][5:])


def test_without_a_pair_there_is_no_auc():
    assert math.isnan(bound_of([])["log_loss"]) and bound_of([])["rows"] == 0
    assert math.isnan(bound_of([0.3])["auc"])
    assert math.isnan(bound_of([1.0, 1.0])["auc"])


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_what_is_no_chance_is_refused(wrong):
    with pytest.raises(DataError, match="a chance must be a number from 0 to 1; got"):
        BayesBound().update(np.array([0.5, wrong]))
