import pytest
import torch

from tamis.layers import PairInteraction


def pairs_by_loops(vectors, weights):
    rows, fields, dim = vectors.shape
    output = torch.zeros(rows, len(weights), dtype=vectors.dtype)
    for row in range(rows):
        for task in range(len(weights)):
            for i in range(fields):
                for j in range(i + 1, fields):
                    for d in range(dim):
                        output[row, task] += weights[task, d] * vectors[row, i, d] * vectors[row, j, d]
    return output


@pytest.mark.parametrize("tasks", [1, 3])
@torch.no_grad()
def test_it_equals_the_sum_over_all_pairs(tasks):
    torch.manual_seed(0)
    layer = PairInteraction(dim=3, tasks=tasks).double()
    vectors = torch.randn(4, 5, 3, dtype=torch.float64)
    weights = torch.ones(1, 3) if tasks == 1 else layer.weight.normal_()
    scores = layer(vectors.sum(dim=1), vectors.square().sum(dim=1))
    torch.testing.assert_close(scores, pairs_by_loops(vectors, weights))


def test_all_tasks_start_with_the_papers_sum():
    torch.manual_seed(0)
    total, squares = torch.randn(2, 4, 3)
    one, three = (PairInteraction(dim=3, tasks=tasks)(total, squares) for tasks in (1, 3))
    torch.testing.assert_close(three, one.expand(4, 3))
    assert not list(PairInteraction(dim=3, tasks=1).parameters())


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="dim and tasks must be at least 1; got 0 and 2"):
        PairInteraction(dim=0, tasks=2)
