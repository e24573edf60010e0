"""What stands where dimensions compete, to ask what the competition is worth."""

from typing import Literal

import torch
from torch import Tensor, nn

from tamis.layers.dropout import dropout

ControlKind = Literal["relu", "top_k", "dropout"]


class ControlFilter(nn.Module):
    """A dynamic filter without competition: what is positive, the largest of it, or a random part of it.

    ``relu`` lets all positive dimensions of a view pass, as ICS does whose rates stay at zero. ``top_k`` lets the
    largest ``kept`` share of a view's dimensions pass, where they are positive, each at its place. ``dropout`` lets a
    random ``kept`` share pass while training, scaled up by ``1 / kept``, and all in evaluation. Only what passes gets a
    gradient. The scale ``gamma`` and the gate on values are those of ``CompetitiveFilter``.

    Source: the comparisons "no filter", "Top-k" and "Dropout" of arXiv 2604.08011, table 4, which does not say how they
    were made; ours.

    Shape:
        - z: ``(rows, views, width)``, or ``(rows, 2, views, width)`` with the values second
        - output: ``(rows, views, width)``
        - gamma: ``(views, width)``

    Raises:
        ValueError: a size is below 1, ``kept`` is no share above 0, or ``kind`` is unknown.

    Example:
        >>> sieve = ControlFilter(views=1, width=4, kind="top_k", kept=0.5)
        >>> sieve(torch.tensor([[[3.0, 0.5, -1.0, 1.0]]])).tolist()
        [[[3.0, 0.0, 0.0, 1.0]]]
    """

    def __init__(
        self,
        *,
        views: int,
        width: int,
        kind: ControlKind,
        kept: float = 0.25,
        gamma_init: float = 1.0,
        learn_gamma: bool = True,
    ) -> None:
        super().__init__()
        if min(views, width) < 1:
            raise ValueError(f"ControlFilter views and width must be at least 1; got {views} and {width}.")
        if not 0 < kept <= 1:
            raise ValueError(f"ControlFilter kept must be above 0 and at most 1; got {kept}.")
        if kind not in ("relu", "top_k", "dropout"):
            raise ValueError(f"ControlFilter kind must be 'relu', 'top_k' or 'dropout'; got {kind!r}.")
        self.kind = kind
        self.kept = kept
        self.gamma = nn.Parameter(torch.full((views, width), gamma_init), requires_grad=learn_gamma)

    def forward(self, z: Tensor) -> Tensor:
        """Let pass what the kind says."""
        z, values = (z, None) if z.dim() == 3 else z.unbind(1)
        passed = torch.relu(z)
        if self.kind == "top_k":
            count = max(1, round(self.kept * z.shape[2]))
            places = passed.topk(count, dim=2, sorted=False).indices
            passed = passed * torch.zeros_like(passed).scatter_(2, places, 1.0)
        elif self.kind == "dropout":
            passed = dropout(passed, 1 - self.kept, training=self.training)
        winners = self.gamma.to(passed.dtype) * passed
        return winners if values is None else winners * values

    def extra_repr(self) -> str:
        """Sizes, for ``print``."""
        views, width = self.gamma.shape
        return f"views={views}, width={width}, kind={self.kind!r}, kept={self.kept}"
