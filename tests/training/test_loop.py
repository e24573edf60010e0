"""The loop: what it learns, when it stops, what it keeps, and what it says."""

import json
import math
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from tamis.batch import Batch, Output
from tamis.errors import ConfigError, TrainingError
from tamis.objectives import binary_cross_entropy
from tamis.training import (
    DenseOptimizer,
    MemorySource,
    Schedule,
    TableOptimizer,
    TrainingSettings,
    evaluate,
    train,
)
from tamis.training import run as run_module
from tamis.training.alarms import calibration_alarm

GOLDEN = Path(__file__).parents[1] / "golden" / "training_losses.json"


@pytest.fixture
def go(tiny, tmp_path):
    """Train the tiny model, or another, with changed settings."""

    def start(model=None, *, source=None, valid=None, report=None, resume=False, folder=tmp_path, **changes):
        return train(
            model if model is not None else tiny.TinyModel(),
            source=source or tiny.tiny_source(shuffle_seed=7),
            valid=valid or tiny.tiny_source(200, seed=2),
            settings=tiny.tiny_settings(**changes),
            folder=folder,
            report=report,
            resume=resume,
        )

    return start


def curve_of(folder):
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_it_learns_what_is_to_be_learned(go, tiny):
    source = tiny.tiny_source(4000, batch_size=100, shuffle_seed=7)
    result = go(source=source, epochs=3, patience=None)
    assert result.best.value > 0.75
    losses = [line["train_loss"] for line in curve_of(result.curve.parent)]
    assert losses[-1] < losses[0] - 0.1


def test_twenty_losses_are_the_golden_ones(go, tiny):
    """The losses of 20 updates on a CPU in fp32.

    After a change that is meant to alter them, write the list this test prints on failure (``got``) into
    ``tests/golden/training_losses.json`` as ``{"losses": [...]}`` and say why in the commit.
    """
    source = tiny.tiny_source(640, shuffle_seed=7)
    result = go(source=source, epochs=1, log_every_steps=1, clip_norm=1.0, schedule=Schedule(warmup_steps=5))
    got = [line["train_loss"] for line in curve_of(result.curve.parent)]
    assert len(got) == 20
    assert got == pytest.approx(json.loads(GOLDEN.read_text())["losses"], abs=1e-6), f"{got=}"


def test_the_loss_of_the_curve_is_the_mean_objective_of_its_rows(go, tiny):
    source = tiny.tiny_source(100, batch_size=30)
    rates = {"tables": TableOptimizer(learning_rate=1e-12), "dense": DenseOptimizer(learning_rate=1e-12)}
    model = tiny.TinyModel(norm=False)
    result = go(model, source=source, epochs=1, log_every_steps=3, **rates)
    lines = curve_of(result.curve.parent)
    assert [(line["step"], line["rows"]) for line in lines] == [(3, 75), (4, 100)]
    rows = tiny.tiny_rows(100, seed=1)
    for line, part in zip(lines, (rows[slice(0, 75)], rows[slice(75, 100)]), strict=True):
        expected = binary_cross_entropy(model.eval()(part), part).item()
        assert line["train_loss"] == pytest.approx(expected, abs=1e-6)


def test_the_curve_has_its_keys_and_the_learning_rate_of_the_schedule(go):
    result = go(epochs=1, log_every_steps=5, schedule=Schedule(warmup_steps=10))
    lines = curve_of(result.curve.parent)
    assert all(
        list(line) == ["step", "epoch", "rows", "seconds", "train_loss", "learning_rate", "valid"] for line in lines
    )
    assert [(line["step"], line["epoch"], line["learning_rate"]) for line in lines] == [
        (5, 1, pytest.approx(0.005)),
        (10, 1, pytest.approx(0.01)),
        (13, 1, pytest.approx(0.01)),
    ]
    assert [line["valid"] is not None for line in lines] == [False, False, True]
    assert lines[-1]["valid"]["auc"] == result.best.value and lines[-1]["valid"]["gauc_user"] is None


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(go, tiny, tmp_path):
    def weights(seed, name):
        model = tiny.TinyModel(dropout=0.4)
        go(model, seed=seed, folder=tmp_path / name)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    first, again, other = weights(1, "a"), weights(1, "b"), weights(2, "c")
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_random_state_of_the_caller_is_left_alone(go):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    go(epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_accumulated_batches_make_the_update_of_one_large_batch(go, tiny, tmp_path):
    rows = tiny.tiny_rows(250, seed=1)
    small, large = tiny.TinyModel(norm=False, double=True), tiny.TinyModel(norm=False, double=True)
    # 250 rows: ten batches of 25, summed by three (an epoch ends with one alone), against hand-cut batches.
    first = go(
        small,
        source=MemorySource(rows, batch_size=25),
        gradient_accumulation=3,
        clip_norm=1.0,
        folder=tmp_path / "a",
    )

    class Uneven(MemorySource):
        edges = (0, 75, 150, 225, 250)

        def __len__(self):
            return 4

        def _edge(self, step):
            return self.edges[step]

    second = go(large, source=Uneven(rows, batch_size=75), clip_norm=1.0, folder=tmp_path / "b")
    assert first.steps == second.steps == 8
    for one, other in zip(small.parameters(), large.parameters(), strict=True):
        torch.testing.assert_close(one, other)


class Planted:
    """Stands in for ``evaluate``: validation values as planted, and remembers the weights it saw."""

    def __init__(self, monkeypatch, values, metric="auc"):
        self.values, self.metric, self.seen, self.calls = values, metric, [], 0
        monkeypatch.setattr(run_module, "evaluate", self)

    def __call__(self, model, source, **named):
        self.seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        evaluation = evaluate(model, source, **named)
        evaluation.values[self.metric] = self.values[self.calls]
        self.calls += 1
        return evaluation


def test_early_stopping_keeps_the_best_weights(go, tiny, monkeypatch):
    planted = Planted(monkeypatch, [0.6, 0.7, 0.65, 0.7, 0.9])
    model = tiny.TinyModel()
    result = go(model, epochs=9, patience=2)
    assert (result.best.epoch, result.best.value, result.best.step) == (2, 0.7, 26)
    assert result.stopped_early and result.epochs == 4 and planted.calls == 4
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, planted.seen[1][name])
    assert not torch.equal(model.hidden.weight, planted.seen[3]["hidden.weight"])
    assert result.best_folder.name == "step-26" and result.best_folder.is_dir()


def test_patience_counts_validations_and_stops_within_an_epoch(go, monkeypatch):
    Planted(monkeypatch, [0.6, 0.7, 0.65, 0.64, 0.63])
    result = go(epochs=9, evaluations_per_epoch=3, patience=2)
    # 13 updates an epoch, validated after 4, 8 and 13.
    assert (result.best.step, result.steps, result.epochs) == (8, 17, 2)


def test_for_a_loss_smaller_is_better(go, monkeypatch):
    Planted(monkeypatch, [0.6, 0.5, 0.7, 0.8], metric="log_loss")
    result = go(epochs=9, metric="log_loss", patience=2)
    assert (result.best.epoch, result.best.value) == (2, 0.5)


def test_without_patience_all_epochs_are_trained(go, monkeypatch):
    Planted(monkeypatch, [0.9, 0.6, 0.6, 0.6])
    result = go(epochs=4, patience=None)
    assert (result.epochs, result.stopped_early, result.best.epoch) == (4, False, 1)


def test_the_last_weights_may_be_kept_whatever_the_validation_says(go, monkeypatch):
    Planted(monkeypatch, [0.9, 0.8, 0.7, 0.6])
    result = go(epochs=4, keep="last", patience=1)
    assert (result.epochs, result.stopped_early) == (4, False)
    assert (result.best.epoch, result.best.value) == (4, 0.6)


def test_an_auc_near_one_half_after_the_first_epoch_raises_an_alarm(go, monkeypatch):
    Planted(monkeypatch, [0.4951, 0.5, 0.5])
    notes = []
    result = go(epochs=3, report=lambda progress: notes.append(progress.note))
    assert len(result.alarms) == 1
    assert result.alarms[0].startswith("validation AUC is 0.4951 after the first epoch, no better than chance")
    assert result.alarms[0] in notes


def test_an_auc_away_from_one_half_raises_none(go, monkeypatch):
    Planted(monkeypatch, [0.52, 0.53])
    assert go().alarms == ()


def test_a_worse_second_epoch_raises_an_alarm_with_advice(go, monkeypatch):
    # The middle of an epoch does not count, nor does a third epoch.
    Planted(monkeypatch, [0.9, 0.7, 0.9, 0.69, 0.9, 0.6])
    result = go(epochs=3, evaluations_per_epoch=2, patience=None)
    assert len(result.alarms) == 1
    assert "auc went from 0.7000 after epoch 1 to 0.6900 after epoch 2: one-epoch over-fitting" in result.alarms[0]
    assert "lower tables.learning_rate" in result.alarms[0]


def test_alarms_survive_a_resume(go, monkeypatch):
    Planted(monkeypatch, [0.5, 0.6])
    alarms = go().alarms
    assert len(alarms) == 1
    assert go(resume=True).alarms == alarms


def test_chances_far_from_what_comes_raise_an_alarm_for_the_weights_that_are_kept(go, monkeypatch):
    said = iter([{"auc": 0.6, "calibration_ratio": 0.95}, {"auc": 0.7, "calibration_ratio": 0.4}, {"auc": 0.6}])

    def planted(model, source, **named):
        evaluation = evaluate(model, source, **named)
        evaluation.values.update(next(said))
        return evaluation

    monkeypatch.setattr(run_module, "evaluate", planted)
    result = go(epochs=3, patience=None)
    assert result.best.epoch == 2
    [alarm] = [alarm for alarm in result.alarms if "promises" in alarm]
    assert alarm.startswith("on the validation rows the model promises 0.40 of the positives that are there.")
    assert 'training.start = "base_rate"' in alarm


@pytest.mark.parametrize(
    ("ratio", "positives", "is_raised"),
    [(0.7, 200, True), (0.7, 80, False), (0.85, 10_000, False), (1.3, 200, True), (1.3, 80, False), (None, 200, False)],
)
def test_a_ratio_is_far_where_chance_does_not_explain_it(ratio, positives, is_raised):
    values = {"rows": 10 * positives, "positives": positives, "calibration_ratio": ratio}
    assert (calibration_alarm(values) is not None) == is_raised


class Poisoned(MemorySource):
    """Rows whose numbers are infinite from one batch on."""

    def epoch(self, number, **named):
        for step, batch in enumerate(super().epoch(number, **named), start=named.get("start", 0)):
            bad = Batch(ids=batch.ids, dense=batch.dense * math.inf, labels=batch.labels)
            yield bad if (number, step) == (1, 4) else batch


def test_a_loss_that_is_not_finite_names_the_step_and_the_rates_and_saves_nothing_bad(go, tiny, tmp_path):
    source = Poisoned(tiny.tiny_rows(320), batch_size=32)
    with pytest.raises(
        TrainingError,
        match=r"the loss of step 15 is nan, so training cannot go on\. Lower dense.learning_rate \(now 0.01\)"
        r" or tables.learning_rate \(now 0.05\), set clip_norm.*last checkpoint holds sound weights",
    ):
        go(source=source, checkpoint_every_steps=1, log_every_steps=100)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} <= {"step-10", "step-14"}
    assert (tmp_path / "checkpoints" / "step-14").is_dir()


class Exploding(nn.Module):
    """Its loss stays finite while its gradient is not."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, batch):
        return Output(logits=torch.sqrt(self.weight.abs()) + torch.zeros(len(batch), 1))


def test_weights_that_are_not_finite_are_noticed_before_they_are_saved(go, tmp_path):
    with pytest.raises(TrainingError, match=r"the (weights 'weight' are not finite after step|loss of step) \d+"):
        go(Exploding(), checkpoint_every_steps=1)
    assert not list((tmp_path / "checkpoints").glob("step-*"))


def test_a_validation_of_one_class_cannot_choose(go, tiny):
    rows = tiny.tiny_rows(50)
    one_class = Batch(ids=rows.ids, dense=rows.dense, labels=torch.zeros(50, 1))
    with pytest.raises(TrainingError, match=r"validation auc is nan after step 13, so it cannot choose the weights"):
        go(valid=MemorySource(one_class, batch_size=50))


class Liar(MemorySource):
    def epoch(self, number, **named):
        yield from (batch[slice(1, None)] for batch in super().epoch(number, **named))


def test_a_source_that_breaks_its_promise_is_named(go, tiny):
    with pytest.raises(TrainingError, match=r"batch 0 must have 30 rows for process 0 of 1; got 29"):
        go(source=Liar(tiny.tiny_rows(60), batch_size=30))


def test_rows_per_second_counts_training_alone(go, monkeypatch):
    def slow(*arguments, **named):
        time.sleep(0.4)
        return evaluate(*arguments, **named)

    monkeypatch.setattr(run_module, "evaluate", slow)
    started = time.monotonic()
    result = go()
    assert result.rows == 800
    assert result.train_seconds < time.monotonic() - started - 0.8
    assert result.rows_per_second == pytest.approx(800 / result.train_seconds)


def test_progress_tells_validations_and_how_far_the_run_is(go):
    said = []
    go(report=said.append)
    validations = [progress for progress in said if progress.valid is not None]
    assert [(p.step, p.total_steps, p.epoch, p.epochs, p.rows) for p in validations] == [
        (13, 26, 1, 2, 400),
        (26, 26, 2, 2, 800),
    ]
    assert all(p.loss is not None and p.rows_per_second > 0 for p in validations)
    assert validations[0].eta_seconds > 0 and validations[1].eta_seconds == 0


def test_resume_without_a_checkpoint_starts_from_the_beginning_and_says_so(go, tmp_path):
    said = []
    result = go(resume=True, epochs=1, report=lambda progress: said.append(progress.note))
    note = f"no checkpoint in {tmp_path}/checkpoints: started from the beginning"
    assert result.notes == (note,) and note in said
    assert result.steps == 13


def test_tensorboard_events_are_written_on_request(go, tmp_path):
    pytest.importorskip("tensorboard")
    go(epochs=1, tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_without_tensorboard_the_extra_is_named(go, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"needs the package tensorboard.*pip install 'tamis\[tensorboard\]'"):
        go(tensorboard=True)


def test_bf16_trains_and_is_said(go, tiny):
    model = tiny.TinyModel()
    result = go(model, precision="bf16", epochs=1)
    assert (result.precision, result.precision_reason) == ("bf16", "asked for")
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, r"TrainingSettings epochs must be at least 1; got 0"),
        ({"patience": 0}, r"TrainingSettings patience must be at least 1; got 0"),
        ({"clip_norm": 0.0}, r"TrainingSettings clip_norm must be above 0; got 0.0. Leave it out"),
        ({"checkpoint_minutes": -1.0}, r"TrainingSettings checkpoint_minutes must be above 0; got -1.0"),
        ({"seed": -1}, r"TrainingSettings seed must be at least 0; got -1"),
        ({"metric": "acu"}, r"TrainingSettings metric must be one of .*; got 'acu'. Did you mean 'auc'\?"),
    ],
)
def test_a_setting_outside_its_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        TrainingSettings(**changes)
