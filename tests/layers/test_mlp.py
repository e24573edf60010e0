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


@torch.no_grad()
def test_with_norm_each_hidden_number_is_normalised_over_the_rows_before_its_activation():
    torch.manual_seed(0)
    layer = MLP(d_in=3, hidden=(4, 2), has_norm=True).double()
    for norm in layer.norms:
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.normal_()
    x = torch.randn(6, 3, dtype=torch.float64)
    hidden = x
    for linear, norm in zip(layer.linears, layer.norms, strict=True):
        hidden = hidden @ linear.weight.T + linear.bias
        spread = (hidden.var(dim=0, unbiased=False) + norm.eps).sqrt()
        hidden = ((hidden - hidden.mean(dim=0)) / spread * norm.weight + norm.bias).clamp_min(0)
    torch.testing.assert_close(layer(x), hidden)
    torch.testing.assert_close(layer.eval().finish(layer.project(x)), layer(x))


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
