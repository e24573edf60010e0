"""Statistics over all processes, for norms of any make."""

import pytest
import torch

from tamis.layers import AveragedBatchNorm, BatchCentre
from tamis.training.batch_norm import _forward


@pytest.mark.parametrize("kind", [AveragedBatchNorm, BatchCentre])
def test_a_norm_that_averages_in_its_own_way_is_told_the_statistics_of_all_processes(kind):
    """Two workers, played by one process that holds both halves: the sum over processes is the sum over halves."""
    torch.manual_seed(0)
    x = torch.randn(6, 3) * 4 + 2
    alone, together = kind(3, momentum=0.01), kind(3, momentum=0.01)
    expected = alone(x)
    found = _forward(together, together.forward, lambda tensor: tensor, x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(together.running_mean, alone.running_mean)
    torch.testing.assert_close(together.running_var, alone.running_var)
    assert together.num_batches_tracked == 1
