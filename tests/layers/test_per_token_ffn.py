import math

import pytest
import torch

from tamis.layers import PerTokenFFN


def gelu(value):
    return value * 0.5 * (1 + math.erf(value / math.sqrt(2)))


def expert_by_loops(s, layer, token, expert, wide):
    """One expert of one token on one vector."""
    columns = range(expert * wide, (expert + 1) * wide)
    hidden = [
        gelu(float(layer.bias_in[token, c] + sum(s[i] * layer.weight_in[token, i, c] for i in range(len(s)))))
        for c in columns
    ]
    return [
        float(layer.bias_out[token, expert, o])
        + sum(hidden[n] * float(layer.weight_out[token, c, o]) for n, c in enumerate(columns))
        for o in range(len(s))
    ]


def randomised(**settings):
    torch.manual_seed(0)
    layer = PerTokenFFN(tokens=3, width=2, expansion=2, **settings).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer, torch.randn(4, 3, 2, dtype=torch.float64)


@torch.no_grad()
def test_every_token_has_a_network_of_its_own():
    layer, x = randomised()
    output, penalty = layer(x)
    assert penalty is None
    for row in range(4):
        for token in range(3):
            expected = expert_by_loops(x[row, token], layer, token, 0, wide=4)
            assert output[row, token].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("is_training", [True, False])
@torch.no_grad()
def test_experts_are_summed_with_the_factors_of_their_routers(is_training):
    layer, x = randomised(experts=3)
    layer.train(is_training)
    output, penalty = layer(x)
    total = 0.0
    for row in range(4):
        for token in range(3):
            routed = x[row, token] @ layer.router[token] + layer.router_bias[token]
            for_training, for_inference = routed.clamp_min(0).tolist()[:3], routed.clamp_min(0).tolist()[3:]
            total += sum(for_inference)
            expected = [0.0, 0.0]
            for expert in range(3):
                factor = for_inference[expert]
                if is_training:
                    factor = (factor + for_training[expert]) / 2
                values = expert_by_loops(x[row, token], layer, token, expert, wide=4)
                expected = [old + factor * value for old, value in zip(expected, values, strict=True)]
            assert output[row, token].tolist() == pytest.approx(expected)
    assert (penalty is None) != is_training
    if penalty is not None:
        assert float(penalty) == pytest.approx(total / 4)


@torch.no_grad()
def test_some_experts_are_left_out():
    layer, x = randomised(experts=3)
    routed = torch.einsum("rtw,twe->rte", x, layer.router) + layer.router_bias
    assert 0 < (routed <= 0).double().mean() < 1


def test_the_matrices_of_every_token_start_by_glorots_rule_for_their_own_widths():
    torch.manual_seed(0)
    layer = PerTokenFFN(tokens=4, width=20, expansion=3, experts=2)
    for weight in (layer.weight_in, layer.weight_out):
        assert weight.detach().std().item() == pytest.approx(math.sqrt(2 / (20 + 60)), rel=0.1)
    assert layer.router.detach().std().item() == pytest.approx(math.sqrt(2 / (20 + 2)), rel=0.2)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="must be at least 1; got 3, 2, 1 and 0"):
        PerTokenFFN(tokens=3, width=2, expansion=1, experts=0)
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1; got 1.0"):
        PerTokenFFN(tokens=3, width=2, expansion=1, dropout=1.0)
