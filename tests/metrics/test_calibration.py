import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.errors import DataError
from tamis.metrics import CalibrationRatio, ExpectedCalibrationError


def calibration_of(probabilities, labels, *, bins):
    metric = ExpectedCalibrationError(bins=bins)
    metric.update(probabilities, labels)
    return metric


def bins_by_loops(rows, bins):
    """Cut the sorted rows into equal parts; a border inside a run of equal scores moves up behind the run."""
    rows = sorted(rows)
    borders = []
    for i in range(1, bins):
        border = len(rows) * i // bins
        if border == 0:
            border = 1
        while border < len(rows) and rows[border][0] == rows[border - 1][0]:
            border += 1
        borders.append(border)
    edges = sorted({0, *borders, len(rows)})
    return [rows[start:end] for start, end in zip(edges[:-1], edges[1:], strict=True)]


def test_ratio_worked_out_on_paper():
    metric = CalibrationRatio()
    metric.update([0.5, 0.25], [0, 1])
    other = CalibrationRatio()
    other.update([0.75, 0.5], [1, 0])
    metric.merge(other)
    assert metric.compute() == 2.0 / 2


def test_ratio_without_a_positive_is_nan():
    metric = CalibrationRatio()
    metric.update([0.5], [0])
    assert math.isnan(metric.compute())


def test_error_worked_out_on_paper():
    # bins {.125, .125, .375} and {.5, .75, 1}: |.2083 - 1/3| and |.75 - 2/3|
    metric = calibration_of([0.5, 0.125, 0.75, 0.125, 1.0, 0.375], [0, 0, 1, 1, 1, 0], bins=2)
    assert metric.reliability() == [
        {"rows": 3, "predicted": 0.625 / 3, "observed": 1 / 3},
        {"rows": 3, "predicted": 0.75, "observed": 2 / 3},
    ]
    assert metric.compute() == pytest.approx((3 * (1 / 3 - 0.625 / 3) + 3 * (0.75 - 2 / 3)) / 6, abs=1e-12)


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(st.tuples(st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]), st.booleans()), min_size=1, max_size=30),
    bins=st.integers(1, 8),
)
def test_bins_equal_loops_and_never_part_equal_scores(rows, bins):
    parts = calibration_of([p for p, _ in rows], [y for _, y in rows], bins=bins).reliability()
    expected = bins_by_loops(rows, bins)
    assert [part["rows"] for part in parts] == [len(part) for part in expected]
    for part, members in zip(parts, expected, strict=True):
        assert part["predicted"] == pytest.approx(sum(p for p, _ in members) / len(members), abs=1e-12)
        assert part["observed"] == sum(y for _, y in members) / len(members)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neither_order_nor_processes_change_a_bit(dtype):
    generator = np.random.default_rng(5)
    probabilities = generator.beta(1, 9, 4_000).round(3).astype(dtype)
    labels = generator.random(4_000) < probabilities
    order = generator.permutation(4_000)
    first, second = (calibration_of(probabilities[part], labels[part], bins=15) for part in np.split(order, [900]))
    first.merge(second)
    whole = calibration_of(probabilities, labels, bins=15)
    assert first.compute() == whole.compute()
    assert first.reliability() == whole.reliability()
    assert sum(part["rows"] for part in whole.reliability()) == 4_000


def test_a_perfectly_calibrated_log_has_no_error():
    assert calibration_of([0.25] * 4 + [0.75] * 4, [1, 0, 0, 0, 1, 1, 1, 0], bins=15).compute() == 0.0


def test_no_rows_have_no_error():
    assert math.isnan(ExpectedCalibrationError().compute())
    assert ExpectedCalibrationError().reliability() == []


def test_no_bins_are_refused():
    with pytest.raises(DataError, match="reliability bins must be at least 1; got 0"):
        ExpectedCalibrationError(bins=0)
