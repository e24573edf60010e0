import math

import numpy as np
import pytest
import sklearn.metrics

from tamis.metrics import NormalisedEntropy


def test_always_guessing_the_positive_rate_scores_one():
    metric = NormalisedEntropy()
    metric.update([0.2] * 10, [1, 1] + [0] * 8)
    assert metric.compute() == pytest.approx(1.0, abs=1e-9)


def test_it_is_log_loss_over_the_entropy_of_the_base_rate():
    generator = np.random.default_rng(0)
    probabilities = generator.uniform(0.01, 0.99, 5_000)
    labels = generator.random(5_000) < probabilities
    halves = [NormalisedEntropy(), NormalisedEntropy()]
    halves[0].update(probabilities[:1234], labels[:1234])
    halves[1].update(probabilities[1234:], labels[1234:])
    halves[0].merge(halves[1])
    constant = sklearn.metrics.log_loss(labels, np.full(5_000, labels.mean()))
    assert halves[0].compute() == pytest.approx(sklearn.metrics.log_loss(labels, probabilities) / constant, abs=1e-9)


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]])
def test_one_class_has_no_entropy_to_compare_with(labels):
    metric = NormalisedEntropy()
    metric.update([0.5] * len(labels), labels)
    assert math.isnan(metric.compute())
