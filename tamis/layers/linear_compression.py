"""Linear compression: few vectors, each a weighted sum of many."""

import torch
from torch import Tensor, nn

from tamis.layers.field_mix import mix_fields
from tamis.layers.initialisation import glorot_uniform_


class LinearCompression(nn.Module):
    """``W X``: every new vector is a weighted sum of the given ones, with the same weights in each dimension.

    Source: Zhang et al. 2024, "Wukong", arXiv 2403.02545, section 3.5.

    Shape:
        - x: ``(rows, vectors_in, dim)``
        - output: ``(rows, vectors, dim)``

    Raises:
        ValueError: a size is below 1.

    Example:
        >>> LinearCompression(vectors_in=5, vectors=2)(torch.ones(3, 5, 4)).shape
        torch.Size([3, 2, 4])
    """

    def __init__(self, *, vectors_in: int, vectors: int) -> None:
        super().__init__()
        if min(vectors_in, vectors) < 1:
            raise ValueError(
                f"LinearCompression vectors_in and vectors must be at least 1; got {vectors_in} and {vectors}."
            )
        self.weight = nn.Parameter(torch.empty(vectors, vectors_in))
        glorot_uniform_(self.weight, fan_in=vectors_in, fan_out=vectors)

    def forward(self, x: Tensor) -> Tensor:
        """Sum the vectors up."""
        return mix_fields(x, self.weight).transpose(1, 2)
