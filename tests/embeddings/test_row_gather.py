import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.embeddings import gather_rows
from tamis.embeddings.row_gather import sum_by_row

NOTHING = torch.empty(0, dtype=torch.long)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.integers(0, 11), min_size=1, max_size=40), seed=st.integers(0, 1000))
def test_sums_by_row_equal_a_dictionary_of_sums(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(len(rows), 3, generator=generator, dtype=torch.float64)
    sums: dict[int, torch.Tensor] = {}
    for row, value in zip(rows, values, strict=True):
        sums[row] = sums.get(row, torch.zeros(3, dtype=torch.float64)) + value
    distinct, totals = sum_by_row(torch.tensor(rows), values)
    assert distinct.tolist() == sorted(sums)
    torch.testing.assert_close(totals, torch.stack([sums[row] for row in sorted(sums)]))


def test_the_gradient_equals_that_of_indexing_a_dense_weight():
    weight = torch.randn(50, 4, dtype=torch.float64, requires_grad=True)
    dense = weight.detach().clone().requires_grad_()
    rows = torch.randint(0, 50, (200,))
    factors = torch.randn(200, 4, dtype=torch.float64)
    (gather_rows(weight, rows, NOTHING) * factors).sum().backward()
    (dense[rows] * factors).sum().backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad.to_dense(), dense.grad)


def test_rows_that_are_frozen_get_no_gradient():
    weight = torch.zeros(6, 2, requires_grad=True)
    gather_rows(weight, torch.tensor([0, 3, 5, 3]), torch.tensor([0, 3])).sum().backward()
    assert weight.grad is not None
    assert weight.grad.coalesce().indices().tolist() == [[5]]


def test_a_batch_of_frozen_rows_only_gives_an_empty_gradient():
    weight = torch.zeros(6, 2, requires_grad=True)
    gather_rows(weight, torch.tensor([0, 0]), torch.tensor([0])).sum().backward()
    assert weight.grad is not None
    assert weight.grad._nnz() == 0


def test_the_order_of_additions_is_fixed_to_the_last_bit():
    rows, values = torch.randint(0, 5, (4000,)), torch.randn(4000, 16)
    first, second = sum_by_row(rows, values)[1], sum_by_row(rows, values)[1]
    assert torch.equal(first, second)
