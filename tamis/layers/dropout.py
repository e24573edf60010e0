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

    On a CPU torch draws a number for each decision, one after the other, which takes long (``benchmarks/kernels.py``).
    Here a word of SplitMix64 decides about four numbers, by a kernel, or in torch where there is none, with the same
    outcome. On other devices, and in graphs that are compiled, torch drops in its own way.

    Source: Srivastava et al. 2014, "Dropout", JMLR 15; Steele et al. 2014, "Fast splittable pseudorandom number
    generators", OOPSLA 2014.

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
    if share == 1.0 or x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, share)
    drops, kernels = draw_drops(share), kernels_for(x)
    return x * drop_factors(drops, x) if kernels is None else _Dropped.apply(x, kernels, drops)  # type: ignore[no-any-return]


def draw_drops(share: float) -> Drops:
    """What is to be dropped: a share above 0 takes one number of torch's stream.

    A checkpoint keeps that stream, and a computation that is done again gets it back.
    """
    return Drops(share, int(torch.empty((), dtype=torch.int64).random_()) if share else 0)


def drop_factors(drops: Drops, x: Tensor) -> Tensor:
    """What the kernels multiply each number of ``x`` with, in the shape and dtype of ``x``."""
    words = _words(drops.seed, -(-x.numel() // 4))
    bits = words.view(torch.int16)[: x.numel()].view(x.shape).int() & 0xFFFF
    return (bits >= drops.threshold).to(x.dtype) * drops.scale


def _words(seed: int, count: int) -> Tensor:
    """SplitMix64; whole numbers of 64 bits, which wrap around."""
    z = torch.arange(1, count + 1, dtype=torch.int64) * _signed(0x9E3779B97F4A7C15) + seed
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, places: int) -> Tensor:
    """To the right, with zeros in front."""
    return (z >> places) & (2 ** (64 - places) - 1)


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


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
