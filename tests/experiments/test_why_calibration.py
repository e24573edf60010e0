"""Scores as in training, with dropout acting, beside those that are served."""

import pytest
import torch

from tamis.batch import Batch
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS
from tamis.training import MemorySource, evaluate

ROWS = 400


@pytest.fixture(params=["ssr_s", "ssr_d"])
def model(request):
    entry = MODELS[request.param]
    torch.manual_seed(0)
    layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
    settings = {"preset": "paper", "dim": 8, "views": (3, 2), "widths": (8, 8), "dropout": 0.5}
    return entry.build(entry.config(**settings), layout)


@pytest.fixture
def batch():
    return Batch(ids=torch.arange(ROWS)[:, None] % 9, dense=torch.empty(ROWS, 0), labels=torch.ones(ROWS, 1))


def test_a_model_scores_as_in_training_where_it_is_asked_to(model, batch):
    from why_calibration import AsInTraining

    def kept(scorer):
        source = MemorySource(batch, batch_size=ROWS)
        return evaluate(scorer, source, metrics=Rows, precision="fp32", device="cpu").metrics["label"].seen

    assert torch.equal(kept(model), kept(model))
    assert not torch.equal(kept(AsInTraining(model)), kept(model))
    assert not torch.equal(kept(AsInTraining(model)), kept(AsInTraining(model)))


class Rows:
    """A metric that keeps the probabilities."""

    def update(self, probabilities, labels, groups=None):
        self.seen = torch.from_numpy(probabilities)

    def merge(self, other):
        raise AssertionError("one process")

    def compute(self):
        return {}
