"""Dice: a rectifier that turns where the data lie."""

import torch
from torch import Tensor, nn

from tamis.layers.averaged_batch_norm import AveragedBatchNorm


class Dice(nn.Module):
    """``p s + (1 - p) alpha s`` with ``p = sigmoid((s - mean) / sqrt(variance + eps))``, channel by channel.

    While training, mean and variance are those of the batch; in evaluation, their running averages. ``alpha`` is
    learned and starts at zero, as in the authors' code.

    Source: Zhou et al. 2018, "Deep Interest Network", arXiv 1706.06978, section 5.2, with its ``eps``.

    Shape:
        - x, output: ``(rows, channels)``

    Raises:
        ValueError: ``channels`` is below 1.

    Example:
        >>> Dice(channels=1).eval()(torch.tensor([[-4.0], [0.0], [4.0]])).flatten().detach()
        tensor([-0.0719,  0.0000,  3.9281])
    """

    def __init__(self, *, channels: int, eps: float = 1e-8) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"Dice channels must be at least 1; got {channels}.")
        self.norm = AveragedBatchNorm(channels, eps=eps, is_affine=False)
        self.alpha = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Apply it; while training, remember the statistics of the batch."""
        share = torch.sigmoid(self.norm(x))
        return x * (self.alpha + share * (1 - self.alpha)).to(x.dtype)
