"""Lazy Adam against torch's SparseAdam, and what it leaves alone."""

import pytest
import torch
from torch import nn

from tamis.errors import ConfigError
from tamis.training.lazy_adam import LazyAdam


def test_twenty_steps_equal_sparse_adam_of_torch():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    lazy = LazyAdam([ours], learning_rate=0.1, betas=(0.8, 0.95), eps=1e-6)
    sparse = torch.optim.SparseAdam([theirs], lr=0.1, betas=(0.8, 0.95), eps=1e-6)
    for _ in range(20):
        rows = torch.randint(0, 30, (12,), generator=generator)
        values = torch.randn(12, 4, generator=generator, dtype=torch.float64)
        for table in (ours, theirs):
            table.grad = torch.sparse_coo_tensor(rows[None], values, (30, 4), check_invariants=False)
        lazy.step()
        sparse.step()
    torch.testing.assert_close(ours.data, theirs.data)


def test_rows_and_moments_without_a_gradient_keep_every_bit():
    torch.manual_seed(0)
    table = nn.Parameter(torch.randn(8, 2))
    optimizer = LazyAdam([table], weight_decay=0.1)
    for row in (1, 5):
        before = table.detach().clone()
        table.grad = torch.sparse_coo_tensor([[row]], [[1.0, -2.0]], (8, 2), check_invariants=False)
        optimizer.step()
        others = [index for index in range(8) if index != row]
        assert torch.equal(table.data[others], before[others])
    assert optimizer.state[table]["exp_avg"].nonzero()[:, 0].unique().tolist() == [1, 5]
    assert optimizer.state[table]["step"] == 2


def test_weight_decay_shrinks_a_met_row_before_its_step():
    table = nn.Parameter(torch.tensor([[2.0]]))
    table.grad = torch.sparse_coo_tensor([[0]], [[1.0]], (1, 1), check_invariants=False)
    LazyAdam([table], learning_rate=0.1, weight_decay=0.5, eps=0.0).step()
    # The first step of Adam is the learning rate: 2 * (1 - 0.1 * 0.5) - 0.1.
    assert table.item() == pytest.approx(1.8)


def test_betas_outside_their_range_are_refused():
    with pytest.raises(ConfigError, match=r"LazyAdam betas must be from 0 to below 1; got \(0.9, 1.0\)"):
        LazyAdam([nn.Parameter(torch.zeros(1, 1))], betas=(0.9, 1.0))


def test_a_negative_learning_rate_is_refused():
    with pytest.raises(ConfigError, match=r"LazyAdam lr must be at least 0; got -0.1"):
        LazyAdam([nn.Parameter(torch.zeros(1, 1))], learning_rate=-0.1)
