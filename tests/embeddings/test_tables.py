import copy

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tamis.embeddings import PackedTable
from tamis.errors import ConfigError


class LargestTensor(TorchDispatchMode):
    """Remembers the most numbers any operation wrote into one dense tensor."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for tensor in output if isinstance(output, tuple | list) else [output]:
            is_new = isinstance(tensor, torch.Tensor) and not tensor.is_sparse and not func.is_view
            if is_new and func.overloadpacket is not torch.ops.aten.detach:
                self.numbers = max(self.numbers, tensor.numel())
        return output


def test_tables_lie_below_one_another_and_their_padding_is_zero():
    table = PackedTable({"a": 4, "b": 3, "c": 5}, dim=2)
    assert table.offsets == {"a": 0, "b": 4, "c": 7}
    assert table.weight.shape == (12, 2)
    is_zero = (table.weight == 0).all(dim=1)
    assert is_zero.nonzero().flatten().tolist() == [0, 4, 7]


def test_training_looks_up_what_scoring_looks_up():
    table = PackedTable({"a": 9}, dim=2)
    rows = torch.tensor([[3, 0], [8, 3]])
    assert torch.equal(table(rows), table.weight[rows])
    assert torch.equal(table.eval()(rows), table.weight[rows])


def test_the_gradient_equals_that_of_a_dense_embedding():
    torch.manual_seed(0)
    table = PackedTable({"a": 30, "b": 20}, dim=3)
    dense = torch.nn.Embedding(50, 3, _weight=table.weight.detach().clone())
    rows = torch.randint(1, 50, (64, 5))
    rows[rows == 30] = 31
    factors = torch.randn(64, 5, 3)
    (table(rows) * factors).sum().backward()
    (dense(rows) * factors).sum().backward()
    assert table.weight.grad.is_sparse and table.weight.grad.is_coalesced()
    assert table.weight.grad.indices()[0].tolist() == sorted(set(rows.flatten().tolist()))
    torch.testing.assert_close(table.weight.grad.to_dense(), dense.weight.grad)


def test_no_tensor_of_the_tables_size_is_made_in_a_training_step():
    table = PackedTable({"a": 100_000}, dim=8)
    rows = torch.randint(1, 100_000, (50,))
    with LargestTensor() as watch:
        table(rows).square().sum().backward()
    assert 50 * 8 <= watch.numbers < 1000
    with LargestTensor() as watch:
        torch.nn.functional.embedding(rows, table.weight).square().sum().backward()
    assert watch.numbers >= 800_000  # the watch does see a dense gradient


def test_padding_gets_no_gradient_in_any_table():
    table = PackedTable({"a": 4, "b": 3}, dim=2)
    table(torch.tensor([0, 1, 4, 5])).sum().backward()
    assert table.weight.grad.indices().tolist() == [[1, 5]]


def test_two_backward_passes_add_up():
    torch.manual_seed(0)
    table = PackedTable({"a": 10}, dim=2)
    dense = torch.nn.Embedding(10, 2, _weight=table.weight.detach().clone())
    for rows in (torch.tensor([1, 2, 2]), torch.tensor([2, 7])):
        factors = torch.randn(len(rows), 2)
        (table(rows) * factors).sum().backward()
        (dense(rows) * factors).sum().backward()
    grad = table.weight.grad
    torch.testing.assert_close(grad.coalesce().to_dense(), dense.weight.grad)
    # A gradient that says it is coalesced must be: no row twice.
    assert not grad.is_coalesced() or len(grad.indices()[0].unique()) == grad._nnz()


def test_a_lookup_twice_in_one_step_adds_up():
    table = PackedTable({"a": 10}, dim=1)
    (table(torch.tensor([3, 4])).sum() + 10 * table(torch.tensor([4, 5])).sum()).backward()
    assert table.weight.grad.coalesce().to_dense().flatten().tolist() == [0, 0, 0, 1, 11, 10, 0, 0, 0, 0]


def test_the_row_sparse_mark_survives_a_copy():
    table = PackedTable({"a": 10}, dim=1)
    twin = copy.deepcopy(table)
    assert table.weight.row_sparse and twin.weight.row_sparse
    twin(torch.tensor([3, 4])).sum().backward()
    assert twin.weight.grad.is_coalesced()


def test_ids_of_32_bits_are_taken():
    table = PackedTable({"a": 10}, dim=2)
    rows = torch.tensor([3, 9, 3], dtype=torch.int32)
    table(rows).sum().backward()
    assert table.weight.grad.indices().tolist() == [[3, 9]]
    assert torch.equal(table.eval()(rows), table.weight[rows.long()])


def test_rows_start_within_the_bound():
    torch.manual_seed(0)
    weight = PackedTable({"a": 5000}, dim=4, init_bound=0.2).weight
    assert 0.19 < weight.abs().max() <= 0.2
    assert abs(weight.mean()) < 0.005


def test_no_table_or_a_size_below_one_is_refused():
    with pytest.raises(ConfigError, match=r"at least one table.* got \{\} and dim 4"):
        PackedTable({}, dim=4)
    with pytest.raises(ConfigError, match=r"got \{'a': 0\} and dim 4"):
        PackedTable({"a": 0}, dim=4)
