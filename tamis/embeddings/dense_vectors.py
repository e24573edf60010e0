"""Numeric and vector fields as embedding vectors."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DenseVectors(nn.Module):
    """One linear layer a field, from the field's own columns to a vector: ``W_field x_field + b_field``.

    Fields of the same width are computed together. Weights start uniform within ``init_bound``; if it is None, as
    ``nn.Linear`` starts them, within ``1 / sqrt(width)``. ``has_bias=False`` leaves the constants ``b_field`` out.

    Shape:
        - dense: ``(rows, sum of widths)``
        - output: ``(rows, fields, dim)``

    Example:
        >>> DenseVectors(widths=(1, 3, 1), dim=4)(torch.ones(2, 5)).shape
        torch.Size([2, 3, 4])
    """

    def __init__(
        self, *, widths: Sequence[int], dim: int, has_bias: bool = True, init_bound: float | None = None
    ) -> None:
        super().__init__()
        self.widths, self.dim, self.init_bound = tuple(widths), dim, init_bound
        # Row c is the vector that column c adds to its field.
        self.weight = nn.Parameter(torch.empty(sum(widths), dim))
        self.bias = nn.Parameter(torch.empty(len(widths), dim)) if has_bias else None
        starts = [sum(self.widths[:i]) for i in range(len(self.widths))]
        self._groups = {
            width: [i for i, other in enumerate(self.widths) if other == width] for width in sorted(set(widths))
        }
        for width, members in self._groups.items():
            columns = torch.tensor([list(range(starts[i], starts[i] + width)) for i in members])
            self.register_buffer(f"columns_of_{width}", columns, persistent=False)
        grouped = torch.tensor([i for members in self._groups.values() for i in members])
        self.register_buffer("order", grouped.argsort(), persistent=False)
        self.reset_parameters()

    order: Tensor

    def reset_parameters(self) -> None:
        """Draw new weights."""
        bounds = torch.tensor([self.init_bound or 1 / math.sqrt(width) for width in self.widths])
        with torch.no_grad():
            self.weight.uniform_(-1, 1).mul_(bounds.repeat_interleave(torch.tensor(self.widths)).unsqueeze(1))
            if self.bias is not None:
                self.bias.uniform_(-1, 1).mul_(bounds.unsqueeze(1))

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row; a single number only scales its vector."""
        return sum(2 * width * self.dim for width in self.widths if width > 1)

    def forward(self, dense: Tensor) -> Tensor:
        """Map every field to its vector."""
        parts = [self._vectors_of_width(dense, width) for width in self._groups]
        vectors = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)[:, self.order]
        return vectors if self.bias is None else vectors + self.bias

    def _vectors_of_width(self, dense: Tensor, width: int) -> Tensor:
        columns = getattr(self, f"columns_of_{width}")
        if width == 1:
            return dense[:, columns.squeeze(1)].unsqueeze(2) * self.weight[columns.squeeze(1)]
        return torch.einsum("rfw,fwd->rfd", dense[:, columns], self.weight[columns])
