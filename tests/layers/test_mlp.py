import pytest
import torch

from tamis.layers import MLP


@torch.no_grad()
def test_it_equals_its_formula():
    torch.manual_seed(0)
    layer = MLP(d_in=3, hidden=(4, 2)).double()
    for linear in layer.linears:
        torch.nn.init.normal_(linear.bias)
    x = torch.randn(5, 3, dtype=torch.float64)
    hidden = x
    for linear in layer.linears:
        sums = [
            [
                float(linear.bias[o]) + sum(float(linear.weight[o, i] * hidden[r, i]) for i in range(hidden.shape[1]))
                for o in range(len(linear.bias))
            ]
            for r in range(5)
        ]
        hidden = torch.tensor([[max(number, 0.0) for number in row] for row in sums], dtype=torch.float64)
    torch.testing.assert_close(layer(x), hidden)


def test_no_hidden_layer_passes_the_input_on():
    x = torch.randn(5, 3)
    layer = MLP(d_in=3, hidden=())
    assert torch.equal(layer(x), x)
    assert layer.out_width == 3


def test_dropout_acts_in_training_only():
    layer = MLP(d_in=8, hidden=(400,), dropout=0.5)
    with torch.no_grad():
        layer.linears[0].bias.fill_(50.0)
    x = torch.randn(20, 8)
    assert 0.4 < (layer(x) == 0).float().mean() < 0.6
    assert not (layer.eval()(x) == 0).any()


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"widths must be at least 1; got d_in=3 and hidden=\(4, 0\)"):
        MLP(d_in=3, hidden=(4, 0))
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1; got 1.0"):
        MLP(d_in=3, hidden=(4,), dropout=1.0)
