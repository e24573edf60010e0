"""The two halves of a row-sparse gradient: which rows, and their values."""

from torch import Tensor

from tamis.errors import TrainingError


def rows_and_values(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows of a sparse gradient and what belongs to each.

    Shape:
        - gradient: sparse ``(rows, width)``; summed over repeated rows first if it is not coalesced
        - result: ``(distinct,)`` int64 and ``(distinct, width)``

    Raises:
        TrainingError: the gradient is dense.

    Example:
        >>> import torch
        >>> twice = torch.sparse_coo_tensor([[2, 2]], [[1.0], [5.0]], (4, 1), check_invariants=False)
        >>> rows_and_values(twice)
        (tensor([2]), tensor([[6.]]))
    """
    if not gradient.is_sparse:
        raise TrainingError(
            f"the gradient of a table marked row_sparse must be sparse; got a dense one of shape "
            f"{tuple(gradient.shape)}. Remove the mark, or keep other terms of the loss off this table."
        )
    gradient = gradient.coalesce()
    return gradient.indices()[0], gradient.values()
