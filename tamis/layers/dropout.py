"""Dropout that costs little beside the products it stands between, on a CPU too."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from tamis.kernels import Drops, Kernels, kernels_for


class Dropout(nn.Dropout):
    """While training each number is zero with probability ``p``, and the others are divided by ``1 - p``.

    On a CPU torch draws a number for each decision, one after the other, which took longer than all products of a small
    model; the kernel takes 16 bits for each. A run repeats itself either way, and gives other bits with the kernel than
    without.

    Source: Srivastava et al. 2014, "Dropout", JMLR 15.

    Shape:
        - input, output: any

    Raises:
        ValueError: ``p`` is outside [0, 1].

    Example:
        >>> layer = Dropout(0.5)
        >>> sorted(set(layer(torch.ones(1000)).tolist())), layer.eval()(torch.ones(2)).tolist()
        ([0.0, 2.0], [1.0, 1.0])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop, or leave as it is when not training."""
        return dropout(input, self.p, training=self.training)


def dropout(x: Tensor, share: float, *, training: bool) -> Tensor:
    """``Dropout`` as a function."""
    if not training or share == 0.0:
        return x
    kernels = None if share == 1.0 else kernels_for(x)
    return F.dropout(x, share) if kernels is None else _Dropped.apply(x, kernels, draw_drops(share))  # type: ignore[no-any-return]


def draw_drops(share: float) -> Drops:
    """What a kernel is to drop, for a share above 0 by torch's stream of random numbers, of which it takes one.

    A checkpoint keeps that stream, and a computation that is done again gets it back.
    """
    return Drops(share, int(torch.empty((), dtype=torch.int64).random_()) if share else 0)


class _Dropped(Function):
    """Both directions drop the same numbers; nothing but the seed is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Kernels, drops: Drops) -> Tensor:
        ctx.kernels, ctx.drops = kernels, drops
        return kernels.dropout(x, drops)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.kernels.dropout(grads[0], ctx.drops), None, None
