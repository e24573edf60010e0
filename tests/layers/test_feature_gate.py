import math

import pytest
import torch

from tamis.layers import FeatureGate


@torch.no_grad()
def test_it_equals_its_formula():
    torch.manual_seed(0)
    gate = FeatureGate(d_in=2, hidden=(3,), width=4)
    for parameter in gate.parameters():
        parameter.normal_()
    context = torch.randn(5, 2)
    output, first = gate(context), gate.hidden.linears[0]
    for row in range(5):
        hidden = [
            max(0.0, sum(float(first.weight[k, i] * context[row, i]) for i in range(2)) + float(first.bias[k]))
            for k in range(3)
        ]
        for j in range(4):
            score = sum(float(gate.linear.weight[j, k]) * hidden[k] for k in range(3)) + float(gate.linear.bias[j])
            assert float(output[row, j]) == pytest.approx(2 / (1 + math.exp(-score)), abs=1e-5)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="width must be at least 1; got 0"):
        FeatureGate(d_in=2, hidden=(), width=0)
