"""Rows of a table, with a gradient that holds only those rows."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def gather_rows(weight: Tensor, rows: Tensor, frozen: Tensor) -> Tensor:
    """``weight[rows]`` whose backward gives ``weight`` a sparse, coalesced gradient of the distinct rows.

    Rows of a bfloat16 table come out as float32. Rows listed in ``frozen`` get no gradient. No tensor of the table's
    size is made in either direction.

    Shape:
        - weight: ``(table rows, dim)``
        - rows: ``(count,)``
        - frozen: ``(few,)``, ascending
        - output: ``(count, dim)``

    Example:
        >>> weight = torch.zeros(1000, 2, requires_grad=True)
        >>> gather_rows(weight, torch.tensor([7, 0, 7]), torch.tensor([0])).sum().backward()
        >>> weight.grad.indices().tolist(), weight.grad.values().tolist()
        ([[7]], [[2.0, 2.0]])
    """
    return _GatherRows.apply(weight, rows, frozen)  # type: ignore[no-any-return]


def as_computed(vectors: Tensor) -> Tensor:
    """What is computed with rows that were looked up: float32, exactly the number that a bfloat16 holds.

    Example:
        >>> as_computed(torch.tensor([0.5], dtype=torch.bfloat16))
        tensor([0.5000])
    """
    return vectors.float() if vectors.dtype == torch.bfloat16 else vectors


class _GatherRows(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: Tensor, frozen: Tensor) -> Tensor:
        ctx.save_for_backward(rows, frozen)
        ctx.shape = weight.shape
        return as_computed(F.embedding(rows, weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        rows, frozen = ctx.saved_tensors
        # Half the bytes sort in two thirds of the time.
        distinct, sums = _without(*sum_by_row(rows.int() if ctx.shape[0] < 2**31 else rows, grads[0]), frozen)
        sparse = torch.sparse_coo_tensor(
            distinct.unsqueeze(0),
            sums,
            ctx.shape,
            check_invariants=False,
            is_coalesced=True,
        )
        return sparse, None, None


def sum_by_row(rows: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct rows in ascending order, and for each the sum of its values, added in the order given.

    Sort, then let ``embedding_bag`` add up the runs. Measured for 160,000 ids with 66,000 distinct and 16
    numbers each, on 2 CPU cores: 4.6 ms in all; ``unique`` and ``index_add_`` 10.6 ms, with
    ``embedding_dense_backward`` instead 15 ms, sort and ``segment_reduce`` 12 ms, ``coalesce`` of a sparse
    tensor 17 ms.

    Example:
        >>> sum_by_row(torch.tensor([5, 2, 5]), torch.tensor([[1.0], [2.0], [3.0]]))[1].tolist()
        [[2.0], [4.0]]
    """
    # The stable sort makes the order of the additions, and so the last bit, the same every time.
    ordered, places = torch.sort(rows, stable=True)
    distinct, counts = torch.unique_consecutive(ordered, return_counts=True)
    starts = counts.cumsum(0) - counts
    sums = F.embedding_bag(places, values.contiguous(), starts, mode="sum")
    return distinct.long(), sums


def _without(rows: Tensor, values: Tensor, unwanted: Tensor) -> tuple[Tensor, Tensor]:
    """``rows`` and their values but for the few ``unwanted`` ones; both lists of rows are ascending."""
    if not len(rows):
        return rows, values
    places = torch.searchsorted(rows, unwanted).clamp_max_(len(rows) - 1)
    found = places[rows[places] == unwanted]
    if not len(found):
        return rows, values
    keep = torch.ones_like(rows, dtype=torch.bool)
    keep[found] = False
    return rows[keep], values[keep]
