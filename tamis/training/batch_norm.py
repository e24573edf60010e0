"""BatchNorm over the global batch: on several processes it must see what one process would see."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tamis.training.distributed import Workers


@contextmanager
def synchronised_batch_norm(model: nn.Module, workers: Workers) -> Iterator[None]:
    """While inside, every BatchNorm of ``model`` that trains takes its mean and variance over all processes.

    ``nn.SyncBatchNorm`` does the same on GPUs only. Alone, nothing is changed; afterwards the modules are as
    before.

    Example:
        >>> model = nn.Sequential(nn.BatchNorm1d(3))
        >>> with synchronised_batch_norm(model, Workers()):
        ...     model(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)] if workers.count > 1 else []
    for norm in norms:
        # An attribute of the instance hides the method of the class, and is gone again when deleted.
        norm.__dict__["forward"] = partial(_forward, norm, norm.forward, workers.sum_with_gradient)
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["forward"]


def _forward(
    norm: _BatchNorm, alone: Callable[[Tensor], Tensor], total: Callable[[Tensor], Tensor], x: Tensor
) -> Tensor:
    if not norm.training:
        return alone(x)
    with torch.autocast(x.device.type, enabled=False):
        exact = x.double() if x.dtype == torch.float64 else x.float()
        mean, variance, count = global_moments(exact, total)
        _update_running(norm, mean.detach(), variance.detach(), count)
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        y = exact - mean.view(shape)
        if getattr(norm, "is_scaled", True):  # a norm may only centre
            y = y * torch.rsqrt(variance + norm.eps).view(shape)
        if norm.weight is not None:
            y = y * norm.weight.view(shape) + norm.bias.view(shape)
    return y.to(x.dtype)


def global_moments(x: Tensor, total: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance and count of each channel over all processes; ``total`` sums over them.

    Two rounds, the mean first, because the difference of two large sums of squares would lose the variance.

    Shape:
        - x: ``(rows, channels, ...)``
        - mean, variance: ``(channels,)``; count: ``()``

    Example:
        >>> global_moments(torch.tensor([[1.0], [3.0]]), lambda tensor: tensor)
        (tensor([2.]), tensor([1.]), tensor(2.))
    """
    over = [0, *range(2, x.dim())]
    mine = x.new_tensor([x.numel() / x.shape[1]])
    sums = total(torch.cat([x.sum(over), mine]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centred = x - mean.view(1, -1, *(1 for _ in x.shape[2:]))
    variance = total(centred.square().sum(over)) / count
    return mean, variance, count


@torch.no_grad()
def _update_running(norm: _BatchNorm, mean: Tensor, variance: Tensor, count: Tensor) -> None:
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    unbiased = variance * (count / (count - 1.0))
    update = getattr(norm, "update_running", None)
    if callable(update):  # a norm that averages in its own way offers to be told
        update(mean.to(norm.running_mean.dtype), unbiased.to(norm.running_var.dtype))
        return
    norm.num_batches_tracked += 1
    share = 1.0 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), share)
    norm.running_var.lerp_(unbiased.to(norm.running_var.dtype), share)
