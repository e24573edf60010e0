import math

import pytest
import torch

from tamis.analysis.weight_sparsity import MAGNITUDE_EDGES, weight_sparsity


def test_planted_zeros_give_exactly_their_share():
    weight = torch.ones(10, 10)
    weight[:, :3] = 0.0
    weight[0, 3] = 0.0005
    found = weight_sparsity(weight)
    assert (found.below_absolute, found.below_largest, found.below_rms) == (0.31, 0.31, 0.31)


def test_the_relative_shares_do_not_change_with_the_scale_and_the_absolute_one_does():
    weight = torch.randn(200, 50, generator=torch.Generator().manual_seed(0))
    large, small = weight_sparsity(weight), weight_sparsity(weight * 2.0**-10)
    assert (large.below_largest, large.below_rms) == (small.below_largest, small.below_rms)
    assert small.below_absolute > 0.6 > 0.01 > large.below_absolute


def test_gaussian_weights_have_the_shares_of_the_normal_distribution():
    found = weight_sparsity(0.01 * torch.randn(1000, 1000, generator=torch.Generator().manual_seed(1)))
    assert found.below_absolute == pytest.approx(math.erf(0.1 / math.sqrt(2)), abs=0.002)
    assert found.below_rms == pytest.approx(math.erf(0.1 / math.sqrt(2)), abs=0.002)


def test_every_weight_is_in_one_bin_of_its_magnitude():
    weight = torch.tensor([0.0, 1e-9, 0.011, 0.02, 1.5, 3e4])
    expected = [0] * (len(MAGNITUDE_EDGES) - 1)
    for value in weight.tolist():
        place = math.log10(value) if value else -math.inf
        inside = [i for i in range(len(expected)) if MAGNITUDE_EDGES[i] <= place < MAGNITUDE_EDGES[i + 1]]
        expected[inside[0] if inside else (0 if place < 0 else -1)] += 1
    assert weight_sparsity(weight).magnitudes == pytest.approx([count / 6 for count in expected])


def test_a_matrix_of_zeros_is_sparse_by_every_measure():
    found = weight_sparsity(torch.zeros(3, 3))
    assert (found.below_absolute, found.below_largest, found.below_rms, found.magnitudes[0]) == (1.0, 1.0, 1.0, 1.0)


def test_no_weight_is_refused():
    with pytest.raises(ValueError, match="needs at least one weight; got none"):
        weight_sparsity(torch.empty(0, 3))
