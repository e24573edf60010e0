"""Row-wise Adagrad against a loop over the rows."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tamis.errors import ConfigError, TrainingError
from tamis.training.row_wise_adagrad import RowWiseAdagrad


def adagrad_by_loops(weight, accumulator, rows, values, *, rate, eps, decay):
    weight, accumulator = weight.clone(), accumulator.clone()
    summed = {}
    for row, value in zip(rows.tolist(), values, strict=True):
        summed[row] = summed.get(row, torch.zeros_like(value)) + value
    for row, gradient in summed.items():
        mean_square = sum(gradient[j].item() ** 2 for j in range(len(gradient))) / len(gradient)
        accumulator[row] += mean_square
        for j in range(len(gradient)):
            kept = (1 - rate * decay) * weight[row, j]
            weight[row, j] = kept - rate * gradient[j] / (accumulator[row] ** 0.5 + eps)
    return weight, accumulator


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 12), start=st.sampled_from([0.0, 0.1]))
def test_three_steps_equal_the_loop_over_rows(seed, count, start):
    generator = torch.Generator().manual_seed(seed)
    table = nn.Parameter(torch.randn(6, 3, generator=generator, dtype=torch.float64))
    optimizer = RowWiseAdagrad([table], learning_rate=0.3, initial_accumulator=start, eps=1e-6, weight_decay=0.5)
    weight, accumulator = table.detach().clone(), torch.full((6,), start, dtype=torch.float64)
    for _ in range(3):
        rows = torch.randint(0, 6, (count,), generator=generator)
        values = torch.randn(count, 3, generator=generator, dtype=torch.float64)
        table.grad = torch.sparse_coo_tensor(rows[None], values, (6, 3), check_invariants=False)
        optimizer.step()
        weight, accumulator = adagrad_by_loops(weight, accumulator, rows, values, rate=0.3, eps=1e-6, decay=0.5)
    torch.testing.assert_close(table.data, weight)
    torch.testing.assert_close(optimizer.state[table]["accumulator"], accumulator)


def test_rows_without_a_gradient_keep_every_bit():
    torch.manual_seed(0)
    table = nn.Parameter(torch.randn(1000, 4))
    before = table.detach().clone()
    optimizer = RowWiseAdagrad([table], weight_decay=0.1)
    rows = torch.tensor([3, 17, 999])
    table.grad = torch.sparse_coo_tensor(rows[None], torch.ones(3, 4), (1000, 4), check_invariants=False)
    optimizer.step()
    untouched = torch.ones(1000, dtype=torch.bool)
    untouched[rows] = False
    assert torch.equal(table.data[untouched], before[untouched])
    assert not (table.data[rows] == before[rows]).any()
    assert torch.count_nonzero(optimizer.state[table]["accumulator"]) == 3


def test_a_row_of_zero_gradient_stays_where_it_is():
    table = nn.Parameter(torch.zeros(2, 2))
    table.grad = torch.sparse_coo_tensor([[0]], [[0.0, 0.0]], (2, 2), check_invariants=False)
    RowWiseAdagrad([table]).step()
    assert torch.equal(table.data, torch.zeros(2, 2))


def test_a_dense_gradient_is_refused():
    table = nn.Parameter(torch.zeros(5, 2))
    table.grad = torch.ones(5, 2)
    with pytest.raises(TrainingError, match=r"marked row_sparse must be sparse; got a dense one of shape \(5, 2\)"):
        RowWiseAdagrad([table]).step()


def test_a_setting_below_zero_is_refused():
    with pytest.raises(ConfigError, match=r"RowWiseAdagrad weight_decay must be at least 0; got -1"):
        RowWiseAdagrad([nn.Parameter(torch.zeros(1, 1))], weight_decay=-1)
