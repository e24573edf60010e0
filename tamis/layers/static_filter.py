"""The static filter of SSR-S: each view sees a fixed choice of the input's dimensions."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tamis.kernels import kernels_for
from tamis.layers.mixed_precision import as_multiplied

FilterKind = Literal["dimension", "field", "field_dimension"]


class StaticFilter(nn.Module):
    """Give each view its own fixed, random choice of ``width`` input dimensions.

    The choice of view ``k`` is ``draw_indices`` of seed ``first_seed + k``, of ``kind`` over ``fields`` equally wide
    parts of the input. It is a buffer, so it is saved with the weights.

    Source: "Explicit sparsity for scalable recommendation", arXiv 2604.08011, section on SSR-S; the seeds are
    those of the authors' code, which uses ``first_seed = 1000 * block`` with blocks counted from 1. Kinds other than
    ``dimension`` are ours.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, views, width)``

    Raises:
        ValueError: a size is below 1, ``kind`` is unknown, or the fields do not divide the input.

    Example:
        >>> sieve = StaticFilter(d_in=6, views=2, width=3, first_seed=1000)
        >>> sieve(torch.arange(6.0).unsqueeze(0)).shape
        torch.Size([1, 2, 3])
    """

    indices: Tensor

    def __init__(
        self,
        *,
        d_in: int,
        views: int,
        width: int,
        first_seed: int,
        kind: FilterKind = "dimension",
        fields: int = 1,
    ) -> None:
        super().__init__()
        if min(d_in, views, width) < 1:
            raise ValueError(f"StaticFilter d_in, views and width must be at least 1; got {d_in}, {views} and {width}.")
        self.d_in = d_in
        seeds = range(first_seed, first_seed + views)
        chosen = [draw_indices(d_in=d_in, width=width, seed=seed, kind=kind, fields=fields) for seed in seeds]
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


def draw_indices(*, d_in: int, width: int, seed: int, kind: FilterKind = "dimension", fields: int = 1) -> np.ndarray:
    """Choose ``width`` of ``d_in`` dimensions at random, distinct if ``width <= d_in``.

    - ``dimension``: as the authors' code does, without a look at fields
    - ``field``: whole fields in random order, the last one cut where the width is reached
    - ``field_dimension``: equally many dimensions of every field, or one more of some; which ones, each field draws

    Each kind orders all dimensions and takes the first; a view wider than the input goes on with a further order from
    the same generator.

    Raises:
        ValueError: ``kind`` is unknown, or ``fields`` do not divide ``d_in``.

    Example:
        >>> draw_indices(d_in=4, width=4, seed=1000).tolist()
        [2, 1, 0, 3]
        >>> sorted(draw_indices(d_in=2, width=4, seed=1000).tolist())
        [0, 0, 1, 1]
        >>> draw_indices(d_in=6, width=4, seed=1000, kind="field", fields=3).tolist()
        [4, 5, 2, 3]
        >>> draw_indices(d_in=6, width=3, seed=1000, kind="field_dimension", fields=3).tolist()
        [1, 5, 3]
    """
    if fields < 1 or d_in % fields:
        raise ValueError(f"StaticFilter fields must be at least 1 and divide d_in {d_in}; got {fields}.")
    # The legacy generator is part of the published method: the newer one draws other indices.
    generator = np.random.RandomState(seed)
    orders = [_random_order(generator, kind, fields, d_in // fields) for _ in range(-(-width // d_in))]
    return np.concatenate(orders)[:width]


def _random_order(generator: np.random.RandomState, kind: FilterKind, fields: int, dim: int) -> np.ndarray:
    """All dimensions of ``fields`` fields of ``dim``, in an order of this kind."""
    if kind == "dimension":
        return generator.permutation(fields * dim)
    if kind == "field":
        return (generator.permutation(fields)[:, None] * dim + np.arange(dim)).ravel()
    if kind == "field_dimension":
        # Round after round takes one dimension of every field, the fields in an order of its own.
        own = generator.random_sample((fields, dim)).argsort(axis=1)
        turns = generator.random_sample((dim, fields)).argsort(axis=1)
        return (turns * dim + own[turns, np.arange(dim)[:, None]]).ravel()
    raise ValueError(f"StaticFilter kind must be 'dimension', 'field' or 'field_dimension'; got {kind!r}.")
