"""All views of the input in one matrix product."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.initialisation import glorot_normal_
from tamis.layers.view_norm import ViewNorm

ProjectionKind = Literal["linear", "linear_norm_silu"]


class ViewProjection(nn.Module):
    """Project the input into every view at once, with a second projection for the values if asked for.

    - ``linear``: ``x W``, without bias.
    - ``linear_norm_silu``: ``silu(LN(x W + b))``, the normalisation with its own affine for each view.

    The values, where wanted, are always ``x W_value``. The matrices of the views stand side by side in
    ``weight``, filters first, values last. Each starts Glorot-normal with its own fans ``d_in`` and
    ``width``.

    Source: arXiv 2604.08011 and the authors' code (``linear``, values, initialisation); the UniRank code
    (``linear_norm_silu``; starting it Glorot-normal too is our choice).

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, views, width)``, or ``(rows, 2, views, width)`` with the values second

    Raises:
        ValueError: a size is below 1, or ``kind`` is unknown.

    Example:
        >>> ViewProjection(d_in=5, views=2, width=3, has_values=True)(torch.ones(4, 5)).shape
        torch.Size([4, 2, 2, 3])
    """

    def __init__(
        self,
        *,
        d_in: int,
        views: int,
        width: int,
        kind: ProjectionKind = "linear",
        has_values: bool = False,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if min(d_in, views, width) < 1:
            raise ValueError(
                f"ViewProjection d_in, views and width must be at least 1; got {d_in}, {views} and {width}."
            )
        if kind not in ("linear", "linear_norm_silu"):
            raise ValueError(f"ViewProjection kind must be 'linear' or 'linear_norm_silu'; got {kind!r}.")
        self.views, self.width, self.has_values = views, width, has_values
        # The transpose of the formula's W: torch multiplies fastest with one output's weights in one row.
        self.weight = nn.Parameter(torch.empty((1 + has_values) * views * width, d_in))
        glorot_normal_(self.weight, fan_in=d_in, fan_out=width)
        has_norm = kind == "linear_norm_silu"
        self.bias = nn.Parameter(torch.zeros(views, width)) if has_norm else None
        self.norm = ViewNorm(views=views, width=width, eps=eps) if has_norm else None

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        return 2 * self.weight.numel()

    def forward(self, x: Tensor) -> Tensor:
        """Project into what will compete and, if asked for, the values beside it."""
        return self.finish(self.project(x))

    def project(self, x: Tensor) -> Tensor:
        """What is linear in ``x``: all its products, side by side."""
        return F.linear(x, self.weight)

    def finish(self, projected: Tensor) -> Tensor:
        """What follows the products."""
        projected = projected.unflatten(1, (-1, self.views, self.width))
        if self.norm is None or self.bias is None:
            return projected if self.has_values else projected.squeeze(1)
        filtered = F.silu(self.norm(projected[:, 0] + self.bias))
        return torch.stack([filtered, projected[:, 1]], dim=1) if self.has_values else filtered
