"""Normalisation of the embedded fields before any interaction."""

from typing import Literal, get_args

from torch import Tensor, nn

from tamis.layers.averaged_batch_norm import AveragedBatchNorm
from tamis.layers.batch_centre import BatchCentre

InputNormKind = Literal["none", "batch", "centre", "channel", "field", "layer"]
INPUT_NORMS: tuple[str, ...] = get_args(InputNormKind)


class InputNorm(nn.Module):
    """Normalise the embedded fields; every kind but ``none`` and ``centre`` learns a scale and a shift.

    - ``none``: as they are.
    - ``batch``: batch normalisation of each of the ``fields * dim`` numbers.
    - ``centre``: each of these numbers less its mean, without the scale.
    - ``channel``: batch normalisation of each of the ``dim`` channels, with statistics over rows and fields.
    - ``field``: batch normalisation of each field, with statistics over rows and channels.
    - ``layer``: layer normalisation of each field's vector by itself.

    Source: Ioffe and Szegedy 2015; Ba et al. 2016. ``channel`` is what the authors' SSR-D code does,
    ``field`` what their SSR-S code does. Both use Keras' numbers: ``eps`` 1e-3 and momentum 0.99, which is
    ``momentum`` 0.01 here. ``centre`` is ours.

    Shape:
        - x, output: ``(rows, fields, dim)``

    Raises:
        ValueError: ``kind`` is unknown, or ``momentum`` or ``eps`` is not positive.

    Example:
        >>> import torch
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
        self.kind = kind
        self.norm: AveragedBatchNorm | nn.LayerNorm | None = None
        if kind == "layer":
            self.norm = nn.LayerNorm(dim, eps=eps)
        elif kind == "centre":
            self.norm = BatchCentre(fields * dim, momentum=momentum)
        elif kind != "none":
            width = {"batch": fields * dim, "channel": dim, "field": fields}[kind]
            self.norm = AveragedBatchNorm(width, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise one batch; while training, remember its statistics."""
        if self.norm is None:
            return x
        if self.kind in ("batch", "centre"):
            return self.norm(x.flatten(1)).view(x.shape)
        if self.kind == "channel":
            return self.norm(x.flatten(0, 1)).view(x.shape)
        return self.norm(x)

    def extra_repr(self) -> str:
        """The kind, for ``print``."""
        return f"kind={self.kind}"
