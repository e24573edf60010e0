"""Layer normalisation of every view."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ViewNorm(nn.Module):
    """Normalise each view's vector by itself, then scale and shift it.

    The scale and shift belong to each view, or to all views together when ``shared``.

    Source: Ba et al. 2016, "Layer Normalization"; one for each view in the authors' SSR code, one for all
    views in UniRank.

    Shape:
        - x, output: ``(rows, views, width)``

    Example:
        >>> norm = ViewNorm(views=2, width=64)
        >>> round(norm(torch.randn(3, 2, 64) * 9).std(unbiased=False).item(), 3)
        1.0
    """

    def __init__(self, *, views: int, width: int, shared: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        shape = (width,) if shared else (views, width)
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, scale and shift."""
        if self.weight.dim() == 1:
            return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        normal = F.layer_norm(x, x.shape[-1:], None, None, self.eps)
        return torch.addcmul(self.bias.to(normal.dtype), normal, self.weight.to(normal.dtype))
