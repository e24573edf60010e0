"""Every row is scored once, in any batches; what cannot be scored is said."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score
from torch import nn

from tamis.batch import Batch, Output
from tamis.errors import DataError, TrainingError
from tamis.metrics import AUC
from tamis.training import MemorySource, evaluate


class OneLogit(nn.Module):
    """Says ``dense[:, 0]`` for every task."""

    def __init__(self, tasks=1):
        super().__init__()
        self.tasks = tasks
        self.modes = []

    def forward(self, batch):
        self.modes.append(self.training)
        return Output(logits=batch.dense[:, :1].repeat(1, self.tasks))


def score(model, source, **named):
    return evaluate(model, source, precision="fp32", device="cpu", **named)


def test_the_values_are_those_of_scikit_learn(tiny):
    source = tiny.tiny_source(500)
    evaluation = score(OneLogit(), source, keep_rows=True)
    labels, chances = evaluation.scored.labels[:, 0], evaluation.scored.probabilities[:, 0]
    assert evaluation.rows == 500
    assert evaluation.values["auc"] == pytest.approx(roc_auc_score(labels, chances), abs=1e-12)
    assert evaluation.values["log_loss"] == pytest.approx(log_loss(labels, chances.astype(float)), abs=1e-9)


def test_the_kept_rows_are_in_the_order_of_the_source(tiny):
    rows = tiny.tiny_rows(75, groups=True, tasks=2)
    evaluation = score(OneLogit(2), MemorySource(rows, batch_size=32), keep_rows=True)
    np.testing.assert_array_equal(evaluation.scored.labels, rows.labels.numpy())
    np.testing.assert_array_equal(evaluation.scored.groups, rows.groups.numpy())
    np.testing.assert_allclose(
        evaluation.scored.probabilities[:, 1], torch.sigmoid(rows.dense[:, 0]).numpy(), rtol=1e-6
    )
    assert evaluation.scored.scenarios is None


def test_batch_size_changes_values_by_no_more_than_the_last_bit_of_a_score(tiny):
    rows = tiny.tiny_rows(90, groups=True)
    first, *others = (score(OneLogit(), MemorySource(rows, batch_size=size)).values for size in (1, 7, 90))
    assert first["gauc_user"] > 0
    for other in others:
        assert other == pytest.approx(first, abs=1e-6)


def test_several_tasks_have_their_own_values_and_a_mean(tiny):
    source = tiny.tiny_source(200, tasks=2)
    evaluation = score(OneLogit(2), source, tasks=("click", "like"))
    assert list(evaluation.tasks) == ["click", "like"]
    click, like = evaluation.tasks.values()
    assert click["auc"] != like["auc"]
    assert evaluation.values["auc"] == pytest.approx((click["auc"] + like["auc"]) / 2, abs=1e-15)
    assert evaluation.metrics["like"].compute() == like
    assert list(score(OneLogit(2), source).tasks) == ["task_0", "task_1"]


def test_another_metric_can_be_asked_for(tiny):
    class JustAUC(AUC):
        def compute(self):
            return {"auc": super().compute()}

    assert list(score(OneLogit(), tiny.tiny_source(50), metrics=JustAUC).values) == ["auc"]


def test_the_model_is_evaluated_in_eval_mode_and_left_as_it_was(tiny):
    model = OneLogit()
    score(model.train(), tiny.tiny_source(40))
    assert model.training and not any(model.modes)
    score(model.eval(), tiny.tiny_source(40))
    assert not model.training


def test_the_mode_is_given_back_after_a_failure_too(tiny):
    model = OneLogit(tasks=3).train()
    with pytest.raises(DataError):
        score(model, tiny.tiny_source(40))
    assert model.training


def test_lost_rows_are_noticed(tiny):
    class Forgetful(MemorySource):
        def epoch(self, number, **named):
            yield from list(super().epoch(number, **named))[:-1]

    with pytest.raises(TrainingError, match=r"score each row once: the source has 64 rows, 32 were scored"):
        score(OneLogit(), Forgetful(tiny.tiny_rows(64), batch_size=32))


def test_scores_that_are_not_finite_are_refused():
    dense = torch.tensor([[0.0], [float("nan")]])
    source = MemorySource(Batch(ids=dense.int(), dense=dense, labels=torch.ones(2, 1)), batch_size=1)
    with pytest.raises(TrainingError, match=r"scores of batch 1 are not finite"):
        score(OneLogit(), source)


def test_rows_without_labels_are_refused():
    source = MemorySource(Batch(ids=torch.zeros(2, 1), dense=torch.zeros(2, 1)), batch_size=1)
    with pytest.raises(DataError, match=r"evaluation needs labels; the batch has none"):
        score(OneLogit(), source)


def test_a_model_with_another_number_of_tasks_is_refused(tiny):
    with pytest.raises(DataError, match=r"got \(32, 3\) logits and \(32, 1\) labels. Build the model for the layout"):
        score(OneLogit(3), tiny.tiny_source(64))


def test_wrong_task_names_are_refused(tiny):
    with pytest.raises(TrainingError, match=r"tasks must name the 1 logits of the model; got \['a', 'b'\]"):
        score(OneLogit(), tiny.tiny_source(64), tasks=["a", "b"])


def test_probabilities_are_float32_in_bf16_too(tiny):
    evaluation = evaluate(tiny.TinyModel(), tiny.tiny_source(64), precision="bf16", device="cpu", keep_rows=True)
    chances = evaluation.scored.probabilities
    assert chances.dtype == np.float32
    # A sigmoid taken in bfloat16 would have 8 bits of mantissa and so no other value.
    rounded = torch.from_numpy(chances).to(torch.bfloat16).float().numpy()
    assert (rounded != chances).any()
