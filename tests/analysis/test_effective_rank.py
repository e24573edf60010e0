import math

import pytest
import torch

from tamis.analysis.effective_rank import matrix_rank


def test_one_direction_has_rank_1_and_equal_ones_have_their_number():
    one = matrix_rank(torch.outer(torch.arange(1.0, 5.0), torch.arange(1.0, 7.0)).unsqueeze(0))
    assert (one.full, one.effective, one.stable) == (4, pytest.approx(1, abs=1e-3), pytest.approx(1, abs=1e-3))
    orthogonal = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0))).Q
    rank = matrix_rank(3 * orthogonal.unsqueeze(0))
    assert (rank.full, rank.effective, rank.stable) == (6, pytest.approx(6), pytest.approx(6))


def test_three_values_computed_by_hand():
    rank = matrix_rank(torch.diag(torch.tensor([2.0, 1.0, 1.0])).unsqueeze(0))
    assert rank.effective == pytest.approx(math.exp(-(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))))
    assert rank.stable == pytest.approx(6 / 4)


def test_blocks_count_as_the_block_diagonal_matrix_they_are():
    blocks = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    whole = matrix_rank(torch.block_diag(*blocks).unsqueeze(0))
    apart = matrix_rank(blocks)
    assert (apart.full, whole.full) == (12, 12)
    assert (apart.effective, apart.stable) == (pytest.approx(whole.effective, rel=1e-4), pytest.approx(whole.stable))


def test_a_matrix_of_zeros_has_no_rank():
    rank = matrix_rank(torch.zeros(1, 3, 2))
    assert (rank.full, rank.effective, rank.stable) == (2, 0.0, 0.0)
