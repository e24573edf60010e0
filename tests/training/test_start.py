"""Where a run begins: at a chance of one half, or at the share of positives."""

import math

import pytest
import torch
from torch import nn

from tamis.batch import Batch, Output
from tamis.errors import TrainingError
from tamis.layers import TaskTowers
from tamis.training import MemorySource, start_at_base_rates, train

RATE = 0.1


class Headed(nn.Module):
    """One number a row, and a head."""

    def __init__(self):
        super().__init__()
        self.head = TaskTowers(d_in=1, tasks=1)

    def forward(self, batch):
        return Output(logits=self.head(batch.dense))


@pytest.fixture
def source():
    labels = (torch.arange(500) % 10 == 0).float()[:, None]
    return MemorySource(Batch(ids=torch.zeros(500, 0), dense=torch.randn(500, 1), labels=labels), batch_size=500)


@pytest.fixture
def first_loss(tiny, source, tmp_path):
    """The loss of the first update, which the untrained model makes, with the run that made it."""

    def start(folder="run", **changes):
        model = Headed()
        nn.init.zeros_(model.head.scores[0].weight)
        settings = tiny.tiny_settings(epochs=1, batch_size=500, log_every_steps=1, **changes)
        place = tmp_path / folder
        result = train(model, source=source, valid=source, settings=settings, folder=place, base_rates=[RATE])
        assert result.steps == 1
        return float((place / "curve.jsonl").read_text().split('"train_loss": ')[1].split(",")[0])

    return start


def test_a_run_begins_at_one_half_or_at_the_entropy_of_the_labels(first_loss):
    entropy = -RATE * math.log(RATE) - (1 - RATE) * math.log(1 - RATE)
    assert first_loss("half") == pytest.approx(math.log(2), rel=1e-5)
    assert first_loss("rate", start="base_rate") == pytest.approx(entropy, rel=1e-5)


def test_a_resumed_run_is_not_begun_again(tiny, source, tmp_path):
    def go(epochs, folder, resume=False):
        torch.manual_seed(3)
        model = Headed()
        settings = tiny.tiny_settings(epochs=epochs, patience=None, keep="last", batch_size=500, start="base_rate")
        train(
            model,
            source=source,
            valid=source,
            settings=settings,
            folder=tmp_path / folder,
            resume=resume,
            base_rates=[RATE],
        )
        return model.state_dict()

    class Killed(Exception):
        pass

    whole = go(4, "whole")
    inner, calls = source.epoch, []

    def cut(number, **named):
        calls.append(number)
        if number == 2 and len(calls) < 6:
            raise Killed
        return inner(number, **named)

    source.epoch = cut
    with pytest.raises(Killed):
        go(4, "cut")
    source.epoch = inner
    resumed = go(4, "cut", resume=True)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("rates", [None, [], [0.0], [0.3, 1.0], [math.nan]])
def test_rates_that_are_no_start_are_refused(rates):
    with pytest.raises(TrainingError, match='start = "base_rate" needs the share of positives of each task, between'):
        start_at_base_rates(Headed(), rates)


def test_a_model_that_begins_nowhere_is_refused(tiny):
    with pytest.raises(TrainingError, match=r"\(a method begin_at\); TinyModel has none"):
        start_at_base_rates(tiny.TinyModel(), [RATE])
