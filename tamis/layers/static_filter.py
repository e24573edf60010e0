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

    The choice of view ``k`` is ``official_indices`` of seed ``first_seed + k``. It is a buffer, so it is
    saved with the weights.

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
        chosen = [official_indices(d_in=d_in, width=width, seed=first_seed + view) for view in range(views)]
        self.register_buffer("indices", torch.from_numpy(np.stack(chosen)))

    def forward(self, x: Tensor) -> Tensor:
        """Gather every view's dimensions at once."""
        # The dense layer behind would round every copy of a number; so each is rounded once.
        x = as_multiplied(x)
        if kernels_for(x) is not None:
            return _GatherViews.apply(x, self.indices)  # type: ignore[no-any-return]
        # index_select, not x[:, indices]: the same gather, in half the time with its backward.
        return x.index_select(1, self.indices.flatten()).view(-1, *self.indices.shape)

    def extra_repr(self) -> str:
        """Sizes, for ``print``."""
        views, width = self.indices.shape
        return f"d_in={self.d_in}, views={views}, width={width}"


class _GatherViews(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, indices: Tensor) -> Tensor:
        kernels = kernels_for(x)
        assert kernels is not None
        ctx.kernels, ctx.indices, ctx.d_in = kernels, indices, x.shape[1]
        return kernels.gather_forward(x, indices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.kernels.gather_backward(grads[0], ctx.indices, ctx.d_in), None


def official_indices(*, d_in: int, width: int, seed: int) -> np.ndarray:
    """Choose ``width`` of ``d_in`` dimensions as the authors' code does, distinct if ``width <= d_in``.

    A view wider than the input is filled with further permutations from the same generator.

    Example:
        >>> official_indices(d_in=4, width=4, seed=1000).tolist()
        [2, 1, 0, 3]
        >>> sorted(official_indices(d_in=2, width=4, seed=1000).tolist())
        [0, 0, 1, 1]
    """
    # The legacy generator is part of the published method: the newer one draws other indices.
    generator = np.random.RandomState(seed)
    permutations = [generator.permutation(d_in) for _ in range(-(-width // d_in))]
    return np.concatenate(permutations)[:width]
