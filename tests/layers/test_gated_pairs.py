import copy

import pytest
import torch

from tamis.layers import GatedPairs

PAIRS = [(0, 1), (0, 3), (2, 3)]


@torch.no_grad()
def test_it_equals_its_formula_in_loops():
    torch.manual_seed(0)
    layer = GatedPairs(fields=4, dim=3, pairs=PAIRS, tasks=2, is_searched=True).double()
    layer.gates.normal_()
    vectors = torch.randn(6, 4, 3, dtype=torch.float64)
    expected = torch.zeros(6, 2, dtype=torch.float64)
    for number, (i, j) in enumerate(PAIRS):
        products = [sum(float(vectors[r, i, d] * vectors[r, j, d]) for d in range(3)) for r in range(6)]
        mean = sum(products) / 6
        spread = (sum((product - mean) ** 2 for product in products) / 6 + 1e-3) ** 0.5
        for r in range(6):
            for task in range(2):
                expected[r, task] += float(layer.gates[number, task]) * (products[r] - mean) / spread
    torch.testing.assert_close(layer(vectors), expected)


def test_only_the_gates_are_learned_and_they_start_alike():
    layer = GatedPairs(fields=4, dim=3, pairs=PAIRS, tasks=2, is_searched=True)
    assert [name for name, _ in layer.named_parameters()] == ["gates"]
    assert (layer.gates - 0.6).abs().max() <= 0.001


@pytest.mark.parametrize("is_searched", [True, False])
def test_the_mark_by_which_gates_are_pruned_outlives_a_copy(is_searched):
    layer = GatedPairs(fields=4, dim=3, pairs=PAIRS, tasks=1, is_searched=is_searched)
    assert layer.gates.is_gate is copy.deepcopy(layer).gates.is_gate is is_searched


def test_running_statistics_move_as_slowly_as_the_authors():
    layer = GatedPairs(fields=4, dim=3, pairs=PAIRS, tasks=1, is_searched=True)
    assert (layer.norm.momentum, layer.norm.eps) == (0.01, 1e-3)


def test_no_pair_is_refused():
    with pytest.raises(ValueError, match="at least one pair and one task; got 0 and 1"):
        GatedPairs(fields=1, dim=3, pairs=[], tasks=1, is_searched=True)
