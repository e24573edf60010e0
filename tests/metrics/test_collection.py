import math
import pickle
import tracemalloc

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import DataError
from tamis.metrics import (
    AUC,
    GAUC,
    CalibrationRatio,
    ExpectedCalibrationError,
    LogLoss,
    NormalisedEntropy,
    RankingMetrics,
)


def click_log(seed: int, rows: int, dtype=np.float32):
    generator = np.random.default_rng(seed)
    probabilities = generator.beta(1, 3, rows).round(2).astype(dtype)
    labels = generator.random(rows) < probabilities
    return probabilities, labels, generator.integers(0, 1 + rows // 6, rows)


def computed(parts) -> dict[str, float]:
    metrics = RankingMetrics()
    for part in parts:
        metrics.update(*part)
    return metrics.compute()


def test_the_collection_says_what_its_metrics_say():
    log = click_log(0, 2_000)
    values = computed([log])
    singles = {
        "auc": AUC(),
        "log_loss": LogLoss(),
        "normalised_entropy": NormalisedEntropy(),
        "calibration_ratio": CalibrationRatio(),
        "expected_calibration_error": ExpectedCalibrationError(),
    }
    for name, metric in singles.items():
        metric.update(*log)
        assert values[name] == metric.compute(), name
    gauc = GAUC()
    gauc.update(*log)
    assert {name: values[name] for name in gauc.compute()} == gauc.compute()
    assert list(values) == [
        "rows",
        "positives",
        "positive_rate",
        "auc",
        "gauc_impression",
        "gauc_user",
        "gauc_positive",
        "groups_used",
        "groups_total",
        "log_loss",
        "normalised_entropy",
        "calibration_ratio",
        "expected_calibration_error",
    ]


def test_the_collection_agrees_with_scikit_learn():
    probabilities, labels, _ = click_log(1, 5_000, np.float64)
    values = computed([(np.clip(probabilities, 0.005, 0.995), labels)])
    assert values["auc"] == pytest.approx(sklearn.metrics.roc_auc_score(labels, probabilities), abs=1e-9)
    expected = sklearn.metrics.log_loss(labels, np.clip(probabilities, 0.005, 0.995))
    assert values["log_loss"] == pytest.approx(expected, abs=1e-9)
    assert values["rows"] == 5_000
    assert values["positives"] == labels.sum()
    assert values["positive_rate"] == labels.mean()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 120), cuts=st.lists(st.integers(0, 120), max_size=4))
def test_order_batches_and_processes_change_no_bit(seed, rows, cuts):
    log = click_log(seed, rows)
    order = np.random.default_rng(seed + 1).permutation(rows)
    workers = [RankingMetrics(), RankingMetrics(), RankingMetrics()]
    for i, part in enumerate(np.split(order, sorted(min(cut, rows) for cut in cuts))):
        workers[i % 3].update(*(column[part] for column in log))
    workers[2].merge(workers[0])
    workers[2].merge(pickle.loads(pickle.dumps(workers[1])))
    whole = RankingMetrics()
    whole.update(*log)
    assert repr(workers[2].compute()) == repr(whole.compute())
    assert workers[2].reliability() == whole.reliability()
    assert workers[2].rows == rows


def test_without_groups_gauc_is_nan_and_the_rest_is_there():
    values = computed([([0.25, 0.75], [0, 1])])
    assert values["auc"] == 1.0
    assert math.isnan(values["gauc_user"]) and values["groups_total"] == 0


def test_no_rows_give_nan_and_not_an_error():
    values = RankingMetrics().compute()
    assert (values["rows"], values["positives"]) == (0, 0)
    assert all(math.isnan(values[name]) for name in ("auc", "log_loss", "positive_rate", "calibration_ratio"))


def test_a_refused_batch_leaves_no_trace():
    metrics = RankingMetrics()
    metrics.update([0.25, 0.75], [0, 1], [1, 1])
    before = repr(metrics.compute())
    with pytest.raises(DataError, match="all rows or for none"):
        metrics.update([0.5], [1])
    with pytest.raises(DataError, match="from 0 to 1"):
        metrics.update([7.0], [1], [1])
    assert repr(metrics.compute()) == before


def test_kept_rows_are_all_rows():
    log = click_log(4, 50)
    metrics = RankingMetrics()
    metrics.update(*(column[:20] for column in log))
    metrics.update(*(column[20:] for column in log))
    rows = metrics.kept_rows()
    assert rows.groups is not None
    for kept, column in zip((rows.probabilities, rows.labels, rows.groups), log, strict=True):
        np.testing.assert_array_equal(kept, column)


def test_a_row_takes_five_bytes_to_keep_and_no_more_than_sixteen_while_the_numbers_are_computed():
    rows, batch_rows = 1_000_000, 8192
    probabilities = np.random.default_rng(0).random(rows).astype(np.float32)
    tracemalloc.start()
    try:
        metrics = RankingMetrics()
        for start in range(0, rows, batch_rows):
            part = probabilities[start : start + batch_rows]
            metrics.update(part, part > 0.7)
        kept, _ = tracemalloc.get_traced_memory()
        metrics.compute()
        metrics.reliability()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 5.5 * rows
    assert peak < 16 * rows
