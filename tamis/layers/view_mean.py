"""The mean of a row's views."""

from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tamis.kernels import kernels_for


def mean_of_views(x: Tensor) -> Tensor:
    """The mean of a row's views, summed in float32 at least.

    On the way back all views share the memory of one gradient.

    Source: arXiv 2604.08011, equation 8.

    Shape:
        - x: ``(rows, views, width)``
        - output: ``(rows, width)``

    Example:
        >>> import torch
        >>> mean_of_views(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([[2., 4.]])
    """
    return x.mean(dim=1) if kernels_for(x) is None else _MeanOfViews.apply(x)  # type: ignore[no-any-return]


class _MeanOfViews(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        kernels = kernels_for(x)
        assert kernels is not None
        ctx.shape = x.shape
        return kernels.mean_forward(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (grads[0] / ctx.shape[1]).unsqueeze(1).expand(ctx.shape)
