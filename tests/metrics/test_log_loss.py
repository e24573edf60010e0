import math

import numpy as np
import pytest
import sklearn.metrics

from tamis.metrics import LogLoss


def log_loss_of(probabilities, labels) -> float:
    metric = LogLoss()
    metric.update(probabilities, labels)
    return metric.compute()


def test_log_loss_equals_scikit_learn():
    generator = np.random.default_rng(0)
    probabilities = generator.uniform(1e-6, 1 - 1e-6, 50_000)
    labels = generator.random(50_000) < probabilities
    assert log_loss_of(probabilities, labels) == pytest.approx(
        sklearn.metrics.log_loss(labels, probabilities), abs=1e-9
    )


def test_log_loss_worked_out_on_paper():
    assert log_loss_of([0.25, 0.5], [1, 0]) == pytest.approx((math.log(4) + math.log(2)) / 2, abs=1e-12)


def test_a_wrong_certainty_costs_as_much_as_the_clip_says():
    assert log_loss_of([0.0, 1.0], [1, 0]) == pytest.approx(-math.log(1e-7), abs=1e-9)
    assert log_loss_of(np.array([1.0, 1.0], np.float32), [1, 0]) == pytest.approx(-math.log(1e-7) / 2, abs=1e-6)


def test_log_loss_of_no_rows_is_nan():
    assert math.isnan(LogLoss().compute())


def test_batches_of_any_size_give_the_same_bits():
    generator = np.random.default_rng(1)
    probabilities = generator.random(1_000).astype(np.float32)
    labels = generator.random(1_000) < 0.3
    whole = log_loss_of(probabilities, labels)
    for size in (1, 7, 64):
        metric = LogLoss()
        for start in range(0, 1_000, size):
            metric.update(probabilities[start : start + size], labels[start : start + size])
        assert metric.compute() == whole
