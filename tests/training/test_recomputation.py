import pytest
from torch import nn

from tamis.errors import TrainingError
from tamis.layers import MLP
from tamis.training import train
from tamis.training.recomputation import recomputed_activations


class Watched(nn.Module):
    """The tiny model over a stack that remembers what it was told."""

    def __init__(self, tiny):
        super().__init__()
        self.inner = tiny.TinyModel(dropout=0.2)
        self.inner.hidden = nn.Sequential(MLP(d_in=9, hidden=(8, 8), dropout=0.1), nn.Linear(8, 8))
        self.marks = set()

    def forward(self, batch):
        self.marks.add(self.inner.hidden[0].is_recomputed)
        return self.inner(batch)


@pytest.mark.parametrize("is_wanted", [True, False])
def test_training_sets_the_mark_and_takes_it_away(tiny, tmp_path, is_wanted):
    model = Watched(tiny)
    settings = tiny.tiny_settings(epochs=1, checkpoint_activations=is_wanted)
    train(model, source=tiny.tiny_source(), valid=tiny.tiny_source(80), settings=settings, folder=tmp_path)
    assert model.marks == {is_wanted}
    assert model.inner.hidden[0].is_recomputed is False


def test_the_mark_goes_also_after_a_failure(tiny):
    stack = MLP(d_in=1, hidden=(1,))
    with pytest.raises(ZeroDivisionError), recomputed_activations(stack):
        1 / 0  # noqa: B018
    assert stack.is_recomputed is False


def test_a_model_without_blocks_is_told_so(tiny):
    message = r"TinyModel has none\. Set checkpoint_activations = false"
    with pytest.raises(TrainingError, match=message), recomputed_activations(tiny.TinyModel()):
        pass


def test_a_run_may_be_resumed_with_the_other_choice(tiny):
    assert "checkpoint_activations" not in tiny.tiny_settings(checkpoint_activations=True).that_matter()
