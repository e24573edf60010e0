import math

import pytest
import torch

from tamis.layers import GatedCrossLayer, GatedCrossNetwork


def cross_by_loops(first, current, matrix, gate, bias):
    output = torch.empty_like(first)
    rows, width = first.shape
    for row in range(rows):
        for i in range(width):
            mixed = sum(float(matrix[i, j] * current[row, j]) for j in range(width)) + float(bias[i])
            opened = 1 / (1 + math.exp(-sum(float(gate[i, j] * current[row, j]) for j in range(width))))
            output[row, i] = first[row, i] * mixed * opened + current[row, i]
    return output


@torch.no_grad()
def test_a_cross_equals_its_formula():
    torch.manual_seed(0)
    layer = GatedCrossLayer(width=3).double()
    layer.bias.normal_()
    first, current = torch.randn(2, 4, 3, dtype=torch.float64)
    expected = cross_by_loops(first, current, *layer.weight.split(3), layer.bias)
    torch.testing.assert_close(layer(first, current), expected)


@torch.no_grad()
def test_a_network_crosses_the_input_again_and_again():
    torch.manual_seed(0)
    network = GatedCrossNetwork(width=3, crosses=3)
    x = torch.randn(4, 3)
    expected = x
    for layer in network:
        expected = layer(x, expected)
    assert torch.equal(network(x), expected)
    assert torch.equal(network.finish(x, network.project(x)), expected)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="width must be at least 1; got 0"):
        GatedCrossLayer(width=0)
