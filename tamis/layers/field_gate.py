"""A gate for every field, computed from all fields, for each dimension apart."""

import torch
from torch import Tensor, nn

from tamis.layers.field_mix import mix_fields


class FieldGate(nn.Module):
    """Factors for the field vectors: in each dimension a linear map of the fields, ``g = W v + b``.

    They start at one: ``W`` at zero, ``b`` at one.

    Source: the authors' code of Zhu et al. 2023, "FINAL", in FuxiCTR (feature gating).

    Shape:
        - vectors, output: ``(rows, fields, dim)``

    Raises:
        ValueError: ``fields`` is below 1.

    Example:
        >>> FieldGate(fields=2)(torch.randn(1, 2, 3)).tolist()
        [[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]
    """

    def __init__(self, *, fields: int) -> None:
        super().__init__()
        if fields < 1:
            raise ValueError(f"FieldGate fields must be at least 1; got {fields}.")
        self.weight = nn.Parameter(torch.zeros(fields, fields))
        self.bias = nn.Parameter(torch.ones(fields))

    def forward(self, vectors: Tensor) -> Tensor:
        """Compute the factors."""
        return mix_fields(vectors, self.weight, self.bias).transpose(1, 2)
