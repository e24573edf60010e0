import math

import pytest
import torch

from tamis.layers import MultiGateExperts


@torch.no_grad()
def test_it_equals_its_formula_in_loops():
    torch.manual_seed(0)
    layer = MultiGateExperts(d_in=3, experts=2, hidden=(4, 2), tasks=3).double()
    layer.first.bias.normal_()
    layer.others.biases[0].normal_()
    x = torch.randn(5, 3, dtype=torch.float64)
    first = layer.first.weight.unflatten(0, (2, 4)), layer.first.bias.unflatten(0, (2, 4))
    gates = layer.gates.weight.unflatten(0, (3, 2))
    expected = torch.zeros(5, 3, 2, dtype=torch.float64)
    for r in range(5):
        answers = []
        for i in range(2):
            hidden = (first[0][i] @ x[r] + first[1][i]).clamp_min(0)
            answers.append((hidden @ layer.others.weights[0][i] + layer.others.biases[0][i, 0]).clamp_min(0))
        for k in range(3):
            raw = [math.exp(float(gates[k, i] @ x[r])) for i in range(2)]
            for i in range(2):
                expected[r, k] += raw[i] / sum(raw) * answers[i]
    torch.testing.assert_close(layer(x), expected)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(layer.finish(*layer.project(x)), expected)


def test_tasks_differ_by_their_gates_alone():
    torch.manual_seed(0)
    layer, x = MultiGateExperts(d_in=3, experts=4, hidden=(4,), tasks=2), torch.randn(5, 3)
    assert not torch.equal(layer(x)[:, 0], layer(x)[:, 1])
    with torch.no_grad():
        layer.gates.weight[4:] = layer.gates.weight[:4]
    torch.testing.assert_close(layer(x)[:, 0], layer(x)[:, 1])


def test_it_has_the_parameters_of_the_papers_figure():
    # The paper's made-up data: 100 inputs, 8 experts of 16 units, 2 tasks.
    layer = MultiGateExperts(d_in=100, experts=8, hidden=(16,), tasks=2)
    assert sum(parameter.numel() for parameter in layer.parameters()) == 8 * (100 * 16 + 16) + 2 * 8 * 100


def test_an_expert_needs_a_layer():
    with pytest.raises(ValueError, match=r"at least one hidden width must be at least 1; got 3, 2, 1 and \(\)"):
        MultiGateExperts(d_in=3, experts=2, hidden=(), tasks=1)
