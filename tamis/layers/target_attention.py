"""Target attention: of a list, what matters to one id."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack


class TargetAttention(RecomputedStack):
    """The sum of a list's vectors ``h``, each times the weight that a small network gives it beside the target ``t``.

    The network sees ``[t, h, t - h, t * h]``, has sigmoid layers of the widths ``hidden``, and its last layer is the
    weight as it is: no softmax, so that a list with much that matters gives a longer vector than one with little. What
    fills a list up is a zero vector, so that its weight, whatever it is, adds nothing; an empty list gives zero.

    The differences and copies are never made: the first layer's matrix falls into four parts, and
    ``t A + h B + (t - h) C + (t * h) D`` is ``t (A + C) + h (B - C) + (t * h) D``, of which the first product is made
    once a row.

    Source: Zhou et al. 2018, "Deep Interest Network", arXiv 1706.06978, section 4.3 (and that there is no softmax).
    The network is that of the authors' code (which then takes a softmax); the paper draws one hidden layer of 36.

    Shape:
        - vectors: ``(rows, longest list, dim)``, zero where there is padding
        - target: ``(rows, dim)``
        - output: ``(rows, dim)``

    Raises:
        ValueError: a size is below 1.

    Example:
        >>> attention = TargetAttention(dim=4, length=9)
        >>> attention(torch.ones(2, 3, 4), torch.ones(2, 4)).shape
        torch.Size([2, 4])
    """

    def __init__(self, *, dim: int, length: int, hidden: Sequence[int] = (80, 40)) -> None:
        super().__init__()
        widths = [4 * dim, *hidden, 1]
        if min(dim, length, *widths) < 1 or not hidden:
            raise ValueError(
                "TargetAttention dim, length and at least one hidden width must be at least 1; "
                f"got {dim}, {length} and {tuple(hidden)}."
            )
        self.dim, self.length = dim, length
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:], strict=False))
        for linear, (fan_in, fan_out) in zip(self.linears, zip(widths, widths[1:], strict=False), strict=True):
            glorot_uniform_(linear.weight, fan_in=fan_in, fan_out=fan_out)  # type: ignore[arg-type]
            nn.init.zeros_(linear.bias)  # type: ignore[arg-type]

    @property
    def flops_per_row(self) -> int:
        """Those of a row whose batch holds a list of the full ``length``, beside one use of each linear layer."""
        first, *others = (parameter.numel() for parameter in self.linears.parameters() if parameter.dim() == 2)
        quarter, behind = first // 4, sum(others)
        # The target's part of the first layer is used once, two more parts, all other layers and the sum at each place.
        used = quarter + self.length * (2 * quarter + behind + self.dim)
        return 2 * (used - first - behind)

    def forward(self, vectors: Tensor, target: Tensor) -> Tensor:
        """Weigh the vectors of each list and add them up."""
        return self.run_part(self._attend, vectors, target)

    def _attend(self, vectors: Tensor, target: Tensor) -> Tensor:
        first, *others = self.linears
        of_target, of_item, of_difference, of_product = first.weight.split(self.dim, dim=1)  # type: ignore[operator]
        once = F.linear(target, of_target + of_difference, first.bias)  # type: ignore[arg-type]
        hidden = F.linear(vectors, of_item - of_difference) + F.linear(vectors * target.unsqueeze(1), of_product)
        hidden = hidden + once.unsqueeze(1)
        for linear in others:
            hidden = linear(torch.sigmoid(hidden))
        return torch.bmm(hidden.transpose(1, 2), vectors.to(hidden.dtype)).squeeze(1)
