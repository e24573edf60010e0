import pytest
import torch

from tamis.layers import FactorizedBlock, FactorizedInteraction


def interaction_by_loops(x, weight, bias, residual):
    half, rows = len(weight) // 2, len(x)
    maps = [
        [float(bias[o]) + sum(float(weight[o, i] * x[row, i]) for i in range(x.shape[1])) for o in range(2 * half)]
        for row in range(rows)
    ]
    kept = torch.tensor([values[:half] for values in maps], dtype=x.dtype)
    products = torch.tensor([[v[k] * v[half + k] for k in range(half)] for v in maps], dtype=x.dtype)
    return torch.cat([kept, products], dim=1) if residual == "concat" else kept + products


@pytest.mark.parametrize(("residual", "maps"), [("concat", 6), ("sum", 12)])
@torch.no_grad()
def test_an_interaction_equals_its_formula(residual, maps):
    torch.manual_seed(0)
    layer = FactorizedInteraction(d_in=3, width=6, residual=residual).double()
    layer.linear.bias.normal_()
    x = torch.randn(4, 3, dtype=torch.float64)
    assert layer.linear.weight.shape == (maps, 3)
    expected = interaction_by_loops(x, layer.linear.weight, layer.linear.bias, residual)
    torch.testing.assert_close(layer(x), expected)


@torch.no_grad()
def test_each_interaction_doubles_the_order():
    """Of an input scaled by s, what d layers give without constants is a polynomial of degree 2 ** d in s."""
    torch.manual_seed(0)
    block = FactorizedBlock(d_in=3, hidden=(4, 4, 4), has_activation=False, has_norm=False).double()
    x = torch.randn(1, 3, dtype=torch.float64)
    scales = torch.arange(1, 11, dtype=torch.float64)
    values = torch.cat([block(x * s) for s in scales])
    # Differences of order 8 of a polynomial of degree 8 are one number, 8! times its leading factor; of order 9 zero.
    differences = values
    for _ in range(8):
        differences = differences.diff(dim=0)
    assert differences.abs().max() > 1e-3
    torch.testing.assert_close(differences[0], differences[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("has_norm", [True, False])
@pytest.mark.parametrize("has_activation", [True, False])
@torch.no_grad()
def test_a_block_is_its_parts_in_order(has_norm, has_activation):
    torch.manual_seed(0)
    block = FactorizedBlock(d_in=3, hidden=(4, 6), has_norm=has_norm, has_activation=has_activation)
    x = torch.randn(8, 3)
    block(x)
    block.eval()
    expected = x
    for number, interaction in enumerate(block.interactions):
        expected = interaction(expected)
        if has_norm:
            norm = block.norms[number]
            expected = (expected - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        expected = expected.clamp_min(0) if has_activation else expected
    torch.testing.assert_close(block(x), expected)
    assert torch.equal(block.finish(block.project(x)), block(x))


def test_dropout_acts_in_training_only():
    block = FactorizedBlock(d_in=8, hidden=(400,), dropout=0.5, has_norm=False, has_activation=False)
    x = torch.randn(20, 8)
    assert 0.4 < (block(x) == 0).float().mean() < 0.6
    assert not (block.eval()(x) == 0).any()


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="d_in and width must be at least 1; got 3 and 0"):
        FactorizedInteraction(d_in=3, width=0)
    with pytest.raises(ValueError, match="width must be even to hold two halves; got 5"):
        FactorizedInteraction(d_in=3, width=5)
    with pytest.raises(ValueError, match=r"residual must be one of \['concat', 'sum'\]; got 'max'"):
        FactorizedInteraction(d_in=3, width=4, residual="max")
    with pytest.raises(ValueError, match="at least one width; got none"):
        FactorizedBlock(d_in=3, hidden=())
