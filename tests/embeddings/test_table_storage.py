import copy

import pytest
import torch

from tamis.embeddings import PackedTable, tables_stored


@pytest.fixture
def half():
    torch.manual_seed(0)
    with tables_stored(dtype=torch.bfloat16):
        return PackedTable({"a": 30, "b": 20}, dim=3)


@pytest.fixture
def full():
    torch.manual_seed(0)
    return PackedTable({"a": 30, "b": 20}, dim=3)


def test_a_half_table_holds_the_rounded_draws_of_a_full_one_in_half_the_bytes(half, full):
    assert torch.equal(half.weight, full.weight.bfloat16())
    assert 2 * half.weight.untyped_storage().nbytes() == full.weight.untyped_storage().nbytes()


def test_large_tables_are_drawn_in_pieces_with_the_same_numbers():
    tables = []
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(1)
        with tables_stored(dtype=dtype):
            tables.append(PackedTable({"a": 300_000}, dim=8).weight)
    assert torch.equal(tables[0].bfloat16(), tables[1])


@pytest.mark.parametrize("is_training", [True, False])
def test_a_half_table_is_looked_up_as_float32(half, is_training):
    rows = torch.tensor([[3, 0], [8, 3]])
    vectors = half.train(is_training)(rows)
    assert vectors.dtype == torch.float32 and torch.equal(vectors, half.weight[rows].float())


def test_the_gradient_of_a_half_table_is_that_of_float32(half, full):
    full.weight.data.copy_(half.weight.data)
    rows, factors = torch.randint(1, 20, (40,)), torch.randn(40, 3)
    for table in (half, full, copy.deepcopy(half)):
        (table(rows) * factors).sum().backward()
        assert table.weight.grad.dtype == torch.float32 and table.weight.grad.is_coalesced()
        if table is not full:
            torch.testing.assert_close(table.weight.grad.to_dense()[1:20], sums(rows, factors)[1:20])
    assert torch.equal(half.weight.grad.to_dense(), full.weight.grad.to_dense())


def sums(rows, factors):
    return torch.zeros(50, 3).index_add_(0, rows, factors)


def test_a_hollow_table_has_the_gradient_of_a_full_one_and_the_memory_of_a_row():
    with tables_stored(is_hollow=True):
        table = PackedTable({"a": 10**8, "b": 10**8}, dim=16)
    assert table.weight.shape == (2 * 10**8, 16) and table.weight.untyped_storage().nbytes() == 64
    table(torch.tensor([7, 10**8 + 5, 7])).sum().backward()
    assert table.weight.grad.shape == table.weight.shape
    assert table.weight.grad.indices().tolist() == [[7, 10**8 + 5]]
    assert table.weight.grad.values()[0].tolist() == [2.0] * 16


def test_afterwards_tables_are_as_before():
    with pytest.raises(ZeroDivisionError), tables_stored(dtype=torch.bfloat16):
        1 / 0  # noqa: B018
    assert PackedTable({"a": 3}, dim=1).weight.dtype == torch.float32
