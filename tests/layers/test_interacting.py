import math

import pytest
import torch

from tamis.layers import InteractingLayer, InteractingNetwork


def interacting_by_loops(x, matrices, heads, width):
    query, key, value, residual = matrices
    rows, fields, _ = x.shape
    output = torch.zeros(rows, fields, heads * width, dtype=x.dtype)
    for row in range(rows):
        for m in range(fields):
            for h in range(heads):
                part = slice(h * width, (h + 1) * width)
                scores = [float((query[part] @ x[row, m]) @ (key[part] @ x[row, k])) for k in range(fields)]
                total = sum(math.exp(score) for score in scores)
                for k in range(fields):
                    output[row, m, part] += math.exp(scores[k]) / total * (value[part] @ x[row, k])
            output[row, m] = (output[row, m] + residual @ x[row, m]).clamp_min(0)
    return output


@torch.no_grad()
def test_a_layer_equals_its_equations():
    torch.manual_seed(0)
    layer = InteractingLayer(d_in=3, heads=2, width=4).double()
    layer.weight.mul_(2)
    x = torch.randn(4, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x), interacting_by_loops(x, layer.weight.split(8), heads=2, width=4))


@torch.no_grad()
def test_a_network_is_its_layers_in_order():
    torch.manual_seed(0)
    network = InteractingNetwork(d_in=3, layers=2, heads=2, width=4)
    x = torch.randn(4, 5, 3)
    assert torch.equal(network(x), network[1](network[0](x)))
    assert [layer.weight.shape[1] for layer in network] == [3, 8]


def test_dropout_acts_on_the_attention_in_training_only():
    torch.manual_seed(0)
    layer = InteractingLayer(d_in=3, heads=1, width=4, dropout=0.5)
    x = torch.ones(200, 4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.ones(16, 3))
        layer.weight[12:] = 0  # no residual: what is left is the attention times 3
        shares = layer(x)[:, :, 0] / 3
        assert set((shares.flatten() * 2).round().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}, "of 4 quarters, each 0 or 2/4"
        torch.testing.assert_close(layer.eval()(x)[:, :, 0], torch.full((200, 4), 3.0))


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="d_in, heads and width must be at least 1; got 3, 0 and 4"):
        InteractingLayer(d_in=3, heads=0, width=4)
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1; got 1.0"):
        InteractingLayer(d_in=3, heads=1, width=4, dropout=1.0)
