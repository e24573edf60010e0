"""Batch normalisation without its scale: only the mean is taken away."""

import torch
from torch import Tensor

from tamis.layers.averaged_batch_norm import AveragedBatchNorm


class BatchCentre(AveragedBatchNorm):
    """Take from each number its mean over the batch, or its running mean when scoring; nothing is divided or learned.

    What all rows share goes, and what differs keeps its size: the vector of an id that was hardly trained stays small,
    where batch normalisation may enlarge it.

    Source: ours; Ioffe and Szegedy 2015, "Batch Normalization", without the variance.

    Shape:
        - x, output: ``(rows, channels)`` or ``(rows, channels, length)``

    Example:
        >>> BatchCentre(2)(torch.tensor([[1.0, 5.0], [3.0, 9.0]]))
        tensor([[-1., -2.],
                [ 1.,  2.]])
    """

    is_scaled = False
    """Read by whoever normalises over several processes in its place."""

    def __init__(self, channels: int, *, momentum: float = 0.1) -> None:
        super().__init__(channels, momentum=momentum, is_affine=False)

    def forward(self, input: Tensor) -> Tensor:
        """Centre one batch; while training, remember its statistics."""
        assert self.running_mean is not None
        mean = self.running_mean
        if self.training:
            exact = input.to(torch.promote_types(input.dtype, mean.dtype))
            variance, mean = torch.var_mean(exact, dim=(0, *range(2, input.dim())))
            self.update_running(mean, variance)
        return (input - mean.view(1, -1, *(1 for _ in input.shape[2:]))).to(input.dtype)
