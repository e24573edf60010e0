"""The cross layers of DCN V2, full rank or low rank."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from tamis.kernels import kernels_for
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack

# `first`, the exact sum so far (None while it is `first` itself, or where nothing will read it), what products read.
_States = tuple[Tensor, Tensor | None, Tensor]


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
        return first * (self.product(current) + self.linear.bias) + current

    def product(self, current: Tensor) -> Tensor:
        """The product ``W current`` alone."""
        return F.linear(current if self.reduce is None else self.reduce(current), self.linear.weight)


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

    def forward(self, first: Tensor, rounded: Tensor | None = None) -> Tensor:
        """Apply all crosses; ``rounded`` is ``first`` as products read it, for who has it already."""
        states: _States = (first, None, first if rounded is None else rounded)
        for part in self.parts_of(len(self)):
            states = self.run_part(self._apply_crosses, *states, part)
        return states[2]

    def project(self, first: Tensor) -> Tensor:
        """What is linear in ``first``: the product of the first cross."""
        cross = self[0]
        assert isinstance(cross, CrossLayer)
        return cross.product(first)

    def finish(self, first: Tensor, product: Tensor) -> Tensor:
        """Apply all crosses, of which the first has its product already."""
        cross = self[0]
        assert isinstance(cross, CrossLayer)
        states = _add_cross(first, product, cross.linear.bias, None, is_last=len(self) == 1)
        return self._apply_crosses(*states, range(1, len(self)))[2]

    def _apply_crosses(self, first: Tensor, current: Tensor | None, rounded: Tensor, part: range) -> _States:
        for number in part:
            cross = self[number]
            assert isinstance(cross, CrossLayer)
            is_last = number == len(self) - 1
            first, current, rounded = _add_cross(
                first, cross.product(rounded), cross.linear.bias, current, is_last=is_last
            )
        return first, current, rounded


def _add_cross(first: Tensor, product: Tensor, bias: Tensor, current: Tensor | None, *, is_last: bool) -> _States:
    """``first``, then ``first * (product + bias) + current``, then the same for the next product to read."""
    # In mixed precision the sum stays exact, and the next product reads it rounded: one pass makes both.
    if product.dtype != first.dtype == torch.float32 and kernels_for(product) is not None:
        return _Cross.apply(first, product, bias, current, is_last)  # type: ignore[return-value]
    following = first * (product + bias) + (first if current is None else current)
    return first, following, following


class _Cross(Function):
    """One cross in one pass each way; ``first`` goes through, so that its gradients are added up on the way back."""

    @staticmethod
    def forward(
        ctx: Any, first: Tensor, product: Tensor, bias: Tensor, current: Tensor | None, is_last: bool
    ) -> _States:
        kernels = kernels_for(product)
        assert kernels is not None
        first, product = first.contiguous(), product.contiguous()
        ctx.kernels, ctx.has_current = kernels, current is not None
        ctx.save_for_backward(first, product, bias)
        ctx.set_materialize_grads(False)
        current = None if current is None else current.contiguous()
        return first, *kernels.cross_forward(first, product, bias, current, is_last=is_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        later, following, rounded = grads
        found = ctx.kernels.cross_backward(
            *ctx.saved_tensors, has_current=ctx.has_current, grads=(later, following, rounded)
        )
        return *found, None
