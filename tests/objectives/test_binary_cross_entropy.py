"""The objective against a loop over rows and tasks, and against torch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.batch import Batch, Output
from tamis.errors import DataError
from tamis.objectives import binary_cross_entropy


def batch_of(labels: torch.Tensor | None, weights: torch.Tensor | None = None, rows: int = 0) -> Batch:
    rows = rows if labels is None else len(labels)
    return Batch(ids=torch.zeros(rows, 1), dense=torch.zeros(rows, 0), labels=labels, weights=weights)


def cross_entropy_by_loops(logits, labels, weights) -> float:
    rows, tasks = logits.shape
    total = 0.0
    for row in range(rows):
        for task in range(tasks):
            chance = 1.0 / (1.0 + math.exp(-logits[row, task].item()))
            label = labels[row, task].item()
            total -= weights[row].item() * (label * math.log(chance) + (1 - label) * math.log(1 - chance))
    return total / (rows * tasks)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 7), tasks=st.integers(1, 3))
def test_it_equals_the_loop_over_rows_and_tasks(seed, rows, tasks):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, tasks, generator=generator, dtype=torch.float64) * 3
    labels = torch.randint(0, 2, (rows, tasks), generator=generator).float()
    weights = torch.rand(rows, generator=generator)
    got = binary_cross_entropy(Output(logits=logits), batch_of(labels, weights))
    assert got.item() == pytest.approx(cross_entropy_by_loops(logits, labels, weights), rel=1e-10)


def test_without_weights_it_is_the_cross_entropy_of_torch():
    logits, labels = torch.randn(9, 2), torch.randint(0, 2, (9, 2)).float()
    expected = torch.nn.functional.binary_cross_entropy(torch.sigmoid(logits), labels)
    torch.testing.assert_close(binary_cross_entropy(Output(logits=logits), batch_of(labels)), expected)


def test_the_model_s_own_losses_are_added():
    output = Output(logits=torch.zeros(2, 1), losses={"balance": torch.tensor(0.25), "sparsity": torch.tensor(2.0)})
    got = binary_cross_entropy(output, batch_of(torch.tensor([[0.0], [1.0]])))
    assert got.item() == pytest.approx(math.log(2) + 2.25, rel=1e-6)


def test_it_is_the_mean_of_its_parts_weighted_by_their_rows():
    torch.manual_seed(0)
    logits, labels, weights = torch.randn(10, 1), torch.randint(0, 2, (10, 1)).float(), torch.rand(10)
    whole = binary_cross_entropy(Output(logits=logits), batch_of(labels, weights))
    parts = [
        binary_cross_entropy(Output(logits=logits[part]), batch_of(labels[part], weights[part])) * share
        for part, share in ((slice(0, 3), 0.3), (slice(3, 10), 0.7))
    ]
    torch.testing.assert_close(sum(parts), whole)


def test_half_precision_logits_are_judged_in_float32_and_extreme_ones_stay_finite():
    logits = torch.tensor([[300.0], [-300.0]], dtype=torch.bfloat16)
    loss = binary_cross_entropy(Output(logits=logits), batch_of(torch.tensor([[0.0], [1.0]])))
    assert loss.dtype == torch.float32
    assert loss.item() == 300.0


def test_a_batch_without_labels_is_refused():
    with pytest.raises(DataError, match=r"training needs labels; the batch has none\. Give the schema a field"):
        binary_cross_entropy(Output(logits=torch.zeros(2, 1)), batch_of(None, rows=2))


def test_labels_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"one shape \(rows, tasks\); got \(2, 1\) logits and \(2, 3\) labels"):
        binary_cross_entropy(Output(logits=torch.zeros(2, 1)), batch_of(torch.zeros(2, 3)))
