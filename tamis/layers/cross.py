"""The cross layers of DCN V2, full rank or low rank."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tamis.kernels import kernels_for
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack


class CrossLayer(nn.Module):
    """One cross: ``first * (W current + b) + current``, with ``W = U V`` when ``rank`` is given.

    Source: Wang et al. 2021, "DCN V2", arXiv 2008.13535, equations 1 (full rank) and 2 (low rank).

    Shape:
        - first, current, output: ``(rows, width)``

    Raises:
        ValueError: ``width`` or ``rank`` is below 1.

    Example:
        >>> import torch
        >>> x = torch.ones(4, 6)
        >>> CrossLayer(width=6)(x, x).shape
        torch.Size([4, 6])
    """

    def __init__(self, *, width: int, rank: int | None = None) -> None:
        super().__init__()
        if width < 1 or (rank is not None and rank < 1):
            raise ValueError(f"CrossLayer width and rank must be at least 1; got {width} and {rank}.")
        self.reduce = nn.Linear(width, rank, bias=False) if rank is not None else None
        self.linear = nn.Linear(rank or width, width)
        if self.reduce is not None:
            glorot_uniform_(self.reduce.weight, fan_in=width, fan_out=self.reduce.out_features)
        glorot_uniform_(self.linear.weight, fan_in=self.linear.in_features, fan_out=width)
        nn.init.zeros_(self.linear.bias)

    def forward(self, first: Tensor, current: Tensor) -> Tensor:
        """Cross ``current`` with the ``first`` input once more."""
        return first * self.mix(current) + current

    def mix(self, current: Tensor) -> Tensor:
        """The linear part, ``W current + b``."""
        return self.linear(current if self.reduce is None else self.reduce(current))


class CrossNetwork(nn.ModuleList, RecomputedStack):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Crosses in order, each of the input with what the one before gave.

    Source: Wang et al. 2021, "DCN V2", arXiv 2008.13535, section 3.2.

    Shape:
        - first, output: ``(rows, width)``

    Raises:
        ValueError: ``width`` or ``rank`` is below 1.

    Example:
        >>> CrossNetwork(width=6, crosses=2)(torch.ones(4, 6)).shape
        torch.Size([4, 6])
    """

    def __init__(self, *, width: int, crosses: int, rank: int | None = None) -> None:
        super().__init__(CrossLayer(width=width, rank=rank) for _ in range(crosses))

    def forward(self, first: Tensor) -> Tensor:
        """Apply all crosses."""
        current = rounded = first
        for part in self.parts_of(len(self)):
            current, rounded = self.run_part(self._apply_crosses, first, current, rounded, part)
        return current

    def project(self, first: Tensor) -> Tensor:
        """What is affine in ``first``: the linear part of the first cross."""
        cross = self[0]
        assert isinstance(cross, CrossLayer)
        return cross.mix(first)

    def finish(self, first: Tensor, linear: Tensor) -> Tensor:
        """Apply all crosses, of which the first has its linear part already."""
        current, rounded = _add_cross(first, linear, first)
        return self._apply_crosses(first, current, rounded, range(1, len(self)))[0]

    def _apply_crosses(self, first: Tensor, current: Tensor, rounded: Tensor, part: range) -> tuple[Tensor, Tensor]:
        for number in part:
            cross = self[number]
            assert isinstance(cross, CrossLayer)
            current, rounded = _add_cross(first, cross.mix(rounded), current)
        return current, rounded


def _add_cross(first: Tensor, linear: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
    """``first * linear + current``, and the same for the next product to read."""
    # In mixed precision the sum stays exact, and the next product reads it rounded: one pass makes both.
    if linear.dtype != first.dtype == torch.float32 and kernels_for(linear) is not None:
        return _Cross.apply(first, linear, current)  # type: ignore[return-value]
    following = first * linear + current
    return following, following


class _Cross(Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, linear: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
        kernels = kernels_for(linear)
        assert kernels is not None
        first, linear = first.contiguous(), linear.contiguous()
        ctx.kernels = kernels
        ctx.save_for_backward(first, linear)
        return kernels.cross_forward(first, linear, current.contiguous())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.kernels.cross_backward(*ctx.saved_tensors, *grads)
