"""What the variants change in a model, and nothing else."""

import pytest
import torch

from tamis.batch import Batch
from tamis.features.layout import IdField, Layout
from tamis.layers import ViewFusion
from tamis.models import MODELS
from tamis.training import MemorySource, evaluate

SHARE, ROWS = 0.5, 400


@pytest.fixture(params=["ssr_s", "ssr_d"])
def model(request):
    entry = MODELS[request.param]
    torch.manual_seed(0)
    layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
    settings = {"preset": "paper", "dim": 8, "views": (3, 2), "widths": (8, 8), "dropout": SHARE}
    return entry.build(entry.config(**settings), layout)


@pytest.fixture
def batch():
    return Batch(ids=torch.arange(ROWS)[:, None] % 9, dense=torch.empty(ROWS, 0), labels=torch.ones(ROWS, 1))


def test_dropout_moved_behind_the_norm_leaves_nothing_between(model, batch):
    from why_calibration import move_dropout

    with torch.no_grad():
        served = model.eval()(batch).logits
        move_dropout(model)
        assert torch.equal(model(batch).logits, served)
        fusion = next(module for module in model.modules() if isinstance(module, ViewFusion))
        x = torch.randn(ROWS, 3, 8)
        whole, dropped = fusion.eval()(x), fusion.train()(x)
    gone = dropped == 0
    assert gone.float().mean().item() == pytest.approx(SHARE, abs=0.03)
    torch.testing.assert_close(dropped[~gone], whole[~gone] / (1 - SHARE))


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
