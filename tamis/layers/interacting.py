"""Interacting layers: fields attend to one another."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.dropout import dropout
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack


class InteractingLayer(nn.Module):
    """Every field looks at all fields: ``relu(concat_h(softmax(Q_h K_h^T) V_h) + x W_res)``.

    The scores ``<q, k>`` are not divided by a root and the four products have no bias or activation, as in the paper;
    its authors' code does divide, adds both, and normalises the output. ``W_res`` is always there, as in the paper's
    parameter count. The four matrices stand side by side in ``weight``, each Glorot-uniform. ``dropout`` acts on the
    attention, as in the authors' code.

    Source: Song et al. 2019, "AutoInt", arXiv 1810.11921, equations 5 to 8.

    Shape:
        - x: ``(rows, fields, d_in)``
        - output: ``(rows, fields, heads * width)``

    Raises:
        ValueError: a size is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> InteractingLayer(d_in=3, heads=2, width=4)(torch.ones(5, 6, 3)).shape
        torch.Size([5, 6, 8])
    """

    def __init__(self, *, d_in: int, heads: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        if min(d_in, heads, width) < 1:
            raise ValueError(
                f"InteractingLayer d_in, heads and width must be at least 1; got {d_in}, {heads} and {width}."
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"InteractingLayer dropout must be at least 0 and below 1; got {dropout}.")
        self.heads, self.width, self.dropout = heads, width, dropout
        self.weight = nn.Parameter(torch.empty(4 * heads * width, d_in))
        glorot_uniform_(self.weight, fan_in=d_in, fan_out=heads * width)

    def forward(self, x: Tensor) -> Tensor:
        """Let the fields interact once."""
        products = F.linear(x.flatten(0, 1), self.weight).view(*x.shape[:2], 4, self.heads, self.width)
        query, key, value, residual = products.unbind(2)
        # Plain products: on a CPU as fast as the fused kernel in float32, faster in bfloat16, and they are counted.
        scores = query.transpose(1, 2) @ key.permute(0, 2, 3, 1)
        attention = dropout(scores.softmax(dim=3), self.dropout, training=self.training)
        mixed = (attention @ value.transpose(1, 2)).transpose(1, 2)
        return torch.relu(mixed + residual).flatten(2)


class InteractingNetwork(nn.ModuleList, RecomputedStack):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Interacting layers in order.

    Source: Song et al. 2019, "AutoInt", arXiv 1810.11921, section 4.4.

    Shape:
        - x: ``(rows, fields, d_in)``
        - output: ``(rows, fields, heads * width)``

    Raises:
        ValueError: a size is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> InteractingNetwork(d_in=3, layers=2, heads=2, width=4)(torch.ones(5, 6, 3)).shape
        torch.Size([5, 6, 8])
    """

    def __init__(self, *, d_in: int, layers: int, heads: int, width: int, dropout: float = 0.0) -> None:
        widths = [d_in, *[heads * width] * (layers - 1)]
        super().__init__(InteractingLayer(d_in=i, heads=heads, width=width, dropout=dropout) for i in widths)

    def forward(self, x: Tensor) -> Tensor:
        """Apply all layers."""
        for layer in self:
            x = self.run_part(layer, x)
        return x
