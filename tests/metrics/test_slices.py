import numpy as np
import pytest
import sklearn.metrics

from tamis.errors import DataError
from tamis.metrics import LogLoss, metrics_by_slice


def test_each_slice_is_measured_as_if_it_were_alone():
    generator = np.random.default_rng(2)
    probabilities = generator.uniform(0.01, 0.99, 4_000)
    labels = generator.random(4_000) < probabilities
    ids = generator.integers(0, 4, 4_000)
    names = ["new", "rare", "usual", "heavy"]
    lines = metrics_by_slice("activity", probabilities, labels, ids, names)
    assert [line["value"] for line in lines] == names
    for i, line in enumerate(lines):
        inside = ids == i
        alone = LogLoss()
        alone.update(probabilities[inside], labels[inside])
        assert line["slice"] == "activity"
        assert (line["rows"], line["positives"]) == (inside.sum(), labels[inside].sum())
        assert line["auc"] == pytest.approx(
            sklearn.metrics.roc_auc_score(labels[inside], probabilities[inside]), abs=1e-9
        )
        assert line["log_loss"] == alone.compute()


def test_one_class_has_no_auc_and_an_empty_slice_no_line():
    lines = metrics_by_slice("age", [0.5, 0.25, 0.5], [1, 0, 1], [2, 0, 2], ["young", "middle", "old"])
    assert [(line["value"], line["rows"], line["auc"]) for line in lines] == [
        ("young", 1, None),
        ("old", 2, None),
    ]


def test_no_rows_have_no_slices():
    assert metrics_by_slice("age", [], [], np.empty(0, np.int64), ["young"]) == []


@pytest.mark.parametrize("wrong", [-1, 2])
def test_an_id_without_a_name_is_named(wrong):
    with pytest.raises(DataError, match=f"slice 'age': an id must be from 0 to 1, .* row 1 holds {wrong}"):
        metrics_by_slice("age", [0.5, 0.5], [0, 1], [0, wrong], ["young", "old"])
