"""Normalisation of the embedded fields before any interaction."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

InputNormKind = Literal["none", "batch", "channel", "field", "layer"]
INPUT_NORMS: tuple[str, ...] = get_args(InputNormKind)


class InputNorm(nn.Module):
    """Normalise the embedded fields; every kind but ``none`` learns a scale and a shift.

    - ``none``: as they are.
    - ``batch``: batch normalisation of each of the ``fields * dim`` numbers.
    - ``channel``: batch normalisation of each of the ``dim`` channels, with statistics over rows and fields.
    - ``field``: batch normalisation of each field, with statistics over rows and channels.
    - ``layer``: layer normalisation of each field's vector by itself.

    The running statistics start as a plain average of the batches seen and become a moving average once ``1 /
    momentum`` batches are behind; so a short first epoch is not scored with the starting values. They are
    kept in float32.

    Source: Ioffe and Szegedy 2015; Ba et al. 2016. ``channel`` is what the authors' SSR-D code does,
    ``field`` what their SSR-S code does. Both use Keras' numbers: ``eps`` 1e-3 and momentum 0.99, which is
    ``momentum`` 0.01 here.

    Shape:
        - x, output: ``(rows, fields, dim)``

    Raises:
        ValueError: ``kind`` is unknown, or ``momentum`` or ``eps`` is not positive.

    Example:
        >>> norm = InputNorm(kind="channel", fields=3, dim=2)
        >>> round(norm(torch.randn(50, 3, 2) + 7).mean().item(), 4) + 0.0
        0.0
    """

    def __init__(self, *, kind: InputNormKind, fields: int, dim: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        if kind not in INPUT_NORMS:
            raise ValueError(f"InputNorm kind must be one of {list(INPUT_NORMS)}; got {kind!r}.")
        if eps <= 0 or not 0 < momentum <= 1:
            raise ValueError(f"InputNorm eps must be positive and momentum in (0, 1]; got {eps} and {momentum}.")
        self.kind, self.eps, self.momentum = kind, eps, momentum
        width = {"none": 0, "batch": fields * dim, "channel": dim, "field": fields, "layer": dim}[kind]
        self.weight = nn.Parameter(torch.ones(width)) if width else None
        self.bias = nn.Parameter(torch.zeros(width)) if width else None
        self.has_statistics = kind in ("batch", "channel", "field")
        if self.has_statistics:
            self.register_buffer("running_mean", torch.zeros(width))
            self.register_buffer("running_variance", torch.ones(width))
            self.register_buffer("batches", torch.zeros((), dtype=torch.float32))

    running_mean: Tensor
    running_variance: Tensor
    batches: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise one batch; while training, remember its statistics."""
        if self.kind == "none":
            return x
        if self.kind == "layer":
            return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        shape = x.shape
        if self.kind == "batch":
            x = x.flatten(1)
        elif self.kind == "channel":
            x = x.flatten(0, 1)
        return self._batch_norm(x).view(shape)

    def _batch_norm(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_variance, self.weight, self.bias, eps=self.eps)
        mean, variance = torch.zeros_like(self.running_mean), torch.ones_like(self.running_variance)
        # momentum=1 makes torch hand over this batch's statistics, which are then averaged without asking the
        # device for a number.
        normal = F.batch_norm(x, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=self.eps)
        with torch.no_grad():
            self.batches += 1
            share = (1 / self.batches).clamp_min(self.momentum)
            self.running_mean.lerp_(mean, share)
            self.running_variance.lerp_(variance, share)
        return normal

    def extra_repr(self) -> str:
        """Kind and numbers, for ``print``."""
        return f"kind={self.kind}, eps={self.eps}, momentum={self.momentum}"
