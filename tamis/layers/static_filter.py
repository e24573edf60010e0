"""The static filter of SSR-S: each view sees a fixed choice of the input's dimensions."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tamis.kernels import kernels_for
from tamis.layers.mixed_precision import as_multiplied


class StaticFilter(nn.Module):
    """Give each view its own fixed, random choice of ``width`` input dimensions.

    The choice of view ``k`` is ``draw_indices`` of seed ``first_seed + k``. It is a buffer, so it is saved with the
    weights.

    Source: "Explicit sparsity for scalable recommendation", arXiv 2604.08011, section on SSR-S; the seeds are
    those of the authors' code, which uses ``first_seed = 1000 * block`` with blocks counted from 1.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, views, width)``

    Raises:
        ValueError: a size is below 1.

    Example:
        >>> sieve = StaticFilter(d_in=6, views=2, width=3, first_seed=1000)
        >>> sieve(torch.arange(6.0).unsqueeze(0)).shape
        torch.Size([1, 2, 3])
    """

    indices: Tensor

    def __init__(self, *, d_in: int, views: int, width: int, first_seed: int) -> None:
        super().__init__()
        if min(d_in, views, width) < 1:
            raise ValueError(f"StaticFilter d_in, views and width must be at least 1; got {d_in}, {views} and {width}.")
        self.d_in = d_in
        chosen = [draw_indices(d_in=d_in, width=width, seed=first_seed + view) for view in range(views)]
        self.register_buffer("indices", torch.from_numpy(np.stack(chosen)))

    def forward(self, x: Tensor) -> Tensor:
        """Gather every view's dimensions at once."""
        # The dense layer behind would round every copy of a number; so each is rounded once.
        x = as_multiplied(x)
        return gather_views(x, self.indices) if kernels_for(x) is None else _GatherViews.apply(x, self.indices)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Sizes, for ``print``."""
        views, width = self.indices.shape
        return f"d_in={self.d_in}, views={views}, width={width}"


def gather_views(x: Tensor, indices: Tensor) -> Tensor:
    """The dimensions ``indices`` of ``x``, view by view; by a kernel, which autograd does not follow, if there is one.

    Shape:
        - x: ``(rows, d_in)``
        - indices: ``(views, width)``
        - output: ``(rows, views, width)``

    Example:
        >>> gather_views(torch.tensor([[0.5, 1.5]]), torch.tensor([[1, 0], [1, 1]])).tolist()
        [[[1.5, 0.5], [1.5, 1.5]]]
    """
    if (kernels := kernels_for(x)) is not None:
        return kernels.gather_forward(x, indices)
    # index_select, not x[:, indices]: the same gather, in half the time with its backward.
    return x.index_select(1, indices.flatten()).view(-1, *indices.shape)


def scatter_views(grad: Tensor, indices: Tensor, d_in: int) -> Tensor:
    """The gradient of ``x`` in ``gather_views`` from that of the output.

    Example:
        >>> scatter_views(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1, 0], [1, 1]]), 2).tolist()
        [[2.0, 8.0]]
    """
    if (kernels := kernels_for(grad)) is not None:
        return kernels.gather_backward(grad, indices, d_in)
    return grad.new_zeros(len(grad), d_in).index_add(1, indices.flatten(), grad.flatten(1))


class _GatherViews(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, indices: Tensor) -> Tensor:
        ctx.indices, ctx.d_in = indices, x.shape[1]
        return gather_views(x, indices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return scatter_views(grads[0], ctx.indices, ctx.d_in), None


def draw_indices(*, d_in: int, width: int, seed: int) -> np.ndarray:
    """Choose ``width`` of ``d_in`` dimensions as the authors' code does, distinct if ``width <= d_in``.

    A view wider than the input is filled with further permutations from the same generator.

    Example:
        >>> draw_indices(d_in=4, width=4, seed=1000).tolist()
        [2, 1, 0, 3]
        >>> sorted(draw_indices(d_in=2, width=4, seed=1000).tolist())
        [0, 0, 1, 1]
    """
    # The legacy generator is part of the published method: the newer one draws other indices.
    generator = np.random.RandomState(seed)
    return np.concatenate([generator.permutation(d_in) for _ in range(-(-width // d_in))])[:width]
