import pytest
import torch

from tamis.layers import CrossLayer


def cross_by_loops(first, current, matrix, bias):
    output = torch.empty_like(first)
    rows, width = first.shape
    for row in range(rows):
        for i in range(width):
            mixed = sum(matrix[i, j] * current[row, j] for j in range(width)) + bias[i]
            output[row, i] = first[row, i] * mixed + current[row, i]
    return output


@pytest.mark.parametrize("rank", [None, 2])
def test_a_cross_equals_its_formula(rank):
    torch.manual_seed(0)
    layer = CrossLayer(width=3, rank=rank).double()
    torch.nn.init.normal_(layer.linear.bias)
    first, current = torch.randn(2, 4, 3, dtype=torch.float64)
    matrix = layer.linear.weight if rank is None else layer.linear.weight @ layer.reduce.weight
    expected = cross_by_loops(first, current, matrix, layer.linear.bias)
    torch.testing.assert_close(layer(first, current), expected)


def test_a_low_rank_cross_has_fewer_parameters():
    assert sum(p.numel() for p in CrossLayer(width=10).parameters()) == 110
    assert sum(p.numel() for p in CrossLayer(width=10, rank=2).parameters()) == 50


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="width and rank must be at least 1; got 3 and 0"):
        CrossLayer(width=3, rank=0)
