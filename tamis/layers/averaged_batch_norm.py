"""Batch normalisation whose running statistics can be trusted after few batches."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_IS_FROZEN: ContextVar[bool] = ContextVar("running_statistics_are_frozen", default=False)


class AveragedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation with running statistics that begin as a plain average.

    They become a moving average once ``1 / momentum`` batches are behind, so that a short first epoch is not scored
    with the starting values. Whoever computes the statistics of a batch elsewhere, over several processes for example,
    hands them to ``update_running``. Without ``is_affine`` it learns no scale and no shift.

    Source: Ioffe and Szegedy 2015, "Batch Normalization"; the plain average is our choice.

    Shape:
        - x, output: ``(rows, channels)`` or ``(rows, channels, length)``

    Example:
        >>> norm = AveragedBatchNorm(2, momentum=0.01)
        >>> _ = norm(torch.tensor([[1.0, 5.0], [3.0, 7.0]]))
        >>> norm.running_mean.tolist()
        [2.0, 6.0]
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, is_affine: bool = True) -> None:
        super().__init__(channels, eps=eps, momentum=momentum, affine=is_affine)
        self.smallest_share = momentum

    def forward(self, input: Tensor) -> Tensor:
        """Normalise one batch; while training, remember its statistics."""
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        mean, variance = torch.zeros_like(self.running_mean), torch.ones_like(self.running_var)
        # momentum=1 makes torch hand over this batch's statistics, which are then averaged without asking the
        # device for a number.
        normal = F.batch_norm(input, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=self.eps)
        self.update_running(mean, variance)
        return normal

    @torch.no_grad()
    def update_running(self, mean: Tensor, variance: Tensor) -> None:
        """Take in the mean and the unbiased variance of one batch, unless running statistics are frozen."""
        # A compiler cannot trace the question, and never computes a batch once more.
        if not torch.compiler.is_compiling() and _IS_FROZEN.get():
            return
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = (1 / self.num_batches_tracked).clamp_min(self.smallest_share)
        self.running_mean.lerp_(mean, share.to(mean.dtype))
        self.running_var.lerp_(variance, share.to(variance.dtype))


@contextmanager
def frozen_running_statistics() -> Iterator[None]:
    """While inside, no ``AveragedBatchNorm`` remembers a batch: for who computes the same batch once more.

    Example:
        >>> norm = AveragedBatchNorm(1)
        >>> with frozen_running_statistics():
        ...     _ = norm(torch.tensor([[1.0], [3.0]]))
        >>> norm.running_mean
        tensor([0.])
    """
    token = _IS_FROZEN.set(True)
    try:
        yield
    finally:
        _IS_FROZEN.reset(token)
