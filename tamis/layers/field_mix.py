"""A linear map of fields, the same in every dimension of their vectors."""

from torch import Tensor
from torch.nn import functional as F


def mix_fields(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``sum_i weight[j, i] x[row, i, d] + bias[j]``, the dimension before the new fields.

    Shape:
        - x: ``(rows, fields, dim)``; weight: ``(new, fields)``; bias: ``(new,)``
        - output: ``(rows, dim, new)``

    Example:
        >>> import torch
        >>> mix_fields(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1.0, 10.0]])).tolist()
        [[[31.0], [42.0]]]
    """
    # Of a strided input torch decides by more than its shape whether to copy it, such as whether the weight was made
    # in inference mode, and the last bit follows: a loaded model would not score exactly like the saved one.
    return F.linear(x.transpose(1, 2).contiguous(), weight, bias)
