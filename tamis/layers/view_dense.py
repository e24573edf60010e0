"""One dense layer for each view, all in one batched product."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_


class ViewDense(nn.Module):
    """A dense layer of its own for each view: ``dropout(gelu(x V + c))``, with the exact (erf) GELU.

    It is a block-diagonal layer over the concatenated views. Each view's matrix starts Glorot-uniform, its
    bias at zero, as in the authors' code.

    Source: arXiv 2604.08011, dense fusion.

    Shape:
        - x: ``(rows, views, d_in)``
        - output: ``(rows, views, width)``

    Raises:
        ValueError: a size is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> ViewDense(views=2, d_in=3, width=4)(torch.ones(5, 2, 3)).shape
        torch.Size([5, 2, 4])
    """

    def __init__(self, *, views: int, d_in: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        if min(views, d_in, width) < 1:
            raise ValueError(f"ViewDense views, d_in and width must be at least 1; got {views}, {d_in} and {width}.")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"ViewDense dropout must be at least 0 and below 1; got {dropout}.")
        self.weight = nn.Parameter(torch.empty(views, d_in, width))
        self.bias = nn.Parameter(torch.zeros(views, width))
        self.dropout = Dropout(dropout)
        glorot_uniform_(self.weight, fan_in=d_in, fan_out=width)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        return 2 * self.weight.numel()

    def forward(self, x: Tensor) -> Tensor:
        """Apply every view's layer."""
        return self.activate(self.product(x))

    def product(self, x: Tensor) -> Tensor:
        """The products ``x V`` alone, ``(views, rows, width)``."""
        return torch.bmm(x.transpose(0, 1), self.weight)

    def activate(self, mixed: Tensor) -> Tensor:
        """What follows the products: bias, activation, dropout."""
        return self.dropout(F.gelu(mixed + self.bias.unsqueeze(1).to(mixed.dtype))).transpose(0, 1)
