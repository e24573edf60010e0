import pytest
import torch

from tamis.layers import FieldGate


@torch.no_grad()
def test_it_equals_its_formula():
    torch.manual_seed(0)
    gate = FieldGate(fields=3).double()
    gate.weight.normal_()
    gate.bias.normal_()
    vectors = torch.randn(4, 3, 2, dtype=torch.float64)
    output = gate(vectors)
    for row in range(4):
        for field in range(3):
            for d in range(2):
                expected = float(gate.bias[field])
                expected += sum(float(gate.weight[field, other] * vectors[row, other, d]) for other in range(3))
                assert float(output[row, field, d]) == pytest.approx(expected)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="fields must be at least 1; got 0"):
        FieldGate(fields=0)
