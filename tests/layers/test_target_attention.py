import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tamis.analysis import closed_flops_per_row
from tamis.layers import TargetAttention


def by_loops(layer: TargetAttention, vectors: torch.Tensor, target: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """The formula as the paper and the authors' code write it, with no padding in sight."""
    out = torch.zeros_like(target)
    for row, length in enumerate(lengths):
        for place in range(length):
            h, t = vectors[row, place], target[row]
            values = [*t.tolist(), *h.tolist(), *(t - h).tolist(), *(t * h).tolist()]
            for number, linear in enumerate(layer.linears):
                values = [
                    sum(w * v for w, v in zip(weights, values, strict=True)) + bias
                    for weights, bias in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)
                ]
                if number < len(layer.linears) - 1:
                    values = [1 / (1 + math.exp(-value)) for value in values]
            out[row] += values[0] * h
    return out


@pytest.mark.parametrize("hidden", [(5,), (5, 3)])
def test_it_equals_its_formula_in_loops(hidden):
    torch.manual_seed(0)
    layer = TargetAttention(dim=3, length=4, hidden=hidden).double()
    for linear in layer.linears:
        torch.nn.init.normal_(linear.bias)
    lengths = [4, 2, 0]
    is_there = torch.arange(4) < torch.tensor(lengths).unsqueeze(1)
    vectors = torch.randn(3, 4, 3, dtype=torch.float64) * is_there.unsqueeze(2)
    target = torch.randn(3, 3, dtype=torch.float64)
    with torch.no_grad():
        expected = by_loops(layer, vectors, target, lengths)
        torch.testing.assert_close(layer(vectors, target), expected)
    assert not expected[2].any()
    assert expected[:2].abs().min() > 0.001


def test_weights_need_not_add_up_to_one():
    torch.manual_seed(0)
    layer = TargetAttention(dim=2, length=2)
    item, target = torch.randn(1, 1, 2), torch.randn(1, 2)
    torch.testing.assert_close(layer(item.repeat(1, 2, 1), target), 2 * layer(item, target))


def test_it_has_the_parameters_of_the_authors_code():
    parameters = sum(parameter.numel() for parameter in TargetAttention(dim=128, length=9).parameters())
    assert parameters == (4 * 128 * 80 + 80) + (80 * 40 + 40) + (40 + 1)


def test_counted_operations_are_those_of_the_formula_at_full_length():
    layer = TargetAttention(dim=8, length=6)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(torch.randn(5, 6, 8), torch.randn(5, 8))
    assert counter.get_total_flops() == 5 * closed_flops_per_row(layer)


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match=r"must be at least 1; got 0, 3 and \(80, 40\)"):
        TargetAttention(dim=0, length=3)
    with pytest.raises(ValueError, match=r"at least one hidden width must be at least 1; got 2, 3 and \(\)"):
        TargetAttention(dim=2, length=3, hidden=())
