import math

import pytest
import torch

from tamis.layers import ViewDense


@torch.no_grad()
def test_it_equals_a_dense_layer_for_each_view():
    torch.manual_seed(0)
    layer = ViewDense(views=2, d_in=3, width=4).double()
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    output = layer(x)
    for row in range(5):
        for view in range(2):
            for j in range(4):
                number = float(layer.bias[view, j])
                number += sum(float(x[row, view, i] * layer.weight[view, i, j]) for i in range(3))
                gelu = 0.5 * number * (1 + math.erf(number / math.sqrt(2)))
                assert abs(float(output[row, view, j]) - gelu) < 1e-12


def test_the_views_are_a_block_diagonal_matrix():
    layer = ViewDense(views=3, d_in=4, width=2)
    matrix = torch.block_diag(*layer.weight)
    x = torch.randn(6, 3, 4)
    expected = torch.nn.functional.gelu(x.flatten(1) @ matrix)
    torch.testing.assert_close(layer(x).flatten(1), expected)


def test_dropout_acts_in_training_only():
    layer = ViewDense(views=2, d_in=8, width=64, dropout=0.5)
    x = torch.randn(20, 2, 8)
    assert 0.4 < (layer(x) == 0).float().mean() < 0.6
    assert not (layer.eval()(x) == 0).any()


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="must be at least 1; got 2, 0 and 4"):
        ViewDense(views=2, d_in=0, width=4)
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1; got 1.0"):
        ViewDense(views=2, d_in=3, width=4, dropout=1.0)
