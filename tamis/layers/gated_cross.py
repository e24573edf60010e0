"""The gated cross layers of GDCN."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack


class GatedCrossLayer(nn.Module):
    """One cross behind a gate: ``first * (W current + b) * sigmoid(G current) + current``.

    ``W`` and ``G`` stand one below the other in ``weight``, each Glorot-uniform; ``b`` starts at zero.

    Source: Wang et al. 2023, "Towards Deeper, Lighter and Interpretable Cross Network for CTR Prediction", arXiv
    2311.04635, the gated cross layer.

    Shape:
        - first, current, output: ``(rows, width)``

    Raises:
        ValueError: ``width`` is below 1.

    Example:
        >>> x = torch.ones(4, 6)
        >>> GatedCrossLayer(width=6)(x, x).shape
        torch.Size([4, 6])
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"GatedCrossLayer width must be at least 1; got {width}.")
        self.weight = nn.Parameter(torch.empty(2 * width, width))
        self.bias = nn.Parameter(torch.zeros(width))
        glorot_uniform_(self.weight, fan_in=width, fan_out=width)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        return 2 * self.weight.numel()

    def forward(self, first: Tensor, current: Tensor) -> Tensor:
        """Cross ``current`` with the ``first`` input once more, as far as the gate lets it."""
        return self.finish(first, current, self.product(current))

    def product(self, current: Tensor) -> Tensor:
        """The products ``W current`` and ``G current``, side by side."""
        return F.linear(current, self.weight)

    def finish(self, first: Tensor, current: Tensor, product: Tensor) -> Tensor:
        """What follows the products."""
        crossed, gate = product.chunk(2, dim=1)
        return torch.addcmul(current, first * (crossed + self.bias), gate.sigmoid().to(current.dtype))


class GatedCrossNetwork(nn.ModuleList, RecomputedStack):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Gated crosses in order, each of the input with what the one before gave.

    Source: Wang et al. 2023, arXiv 2311.04635, the gated cross network.

    Shape:
        - first, output: ``(rows, width)``

    Raises:
        ValueError: ``width`` is below 1.

    Example:
        >>> GatedCrossNetwork(width=6, crosses=2)(torch.ones(4, 6)).shape
        torch.Size([4, 6])
    """

    def __init__(self, *, width: int, crosses: int) -> None:
        super().__init__(GatedCrossLayer(width=width) for _ in range(crosses))

    def forward(self, first: Tensor) -> Tensor:
        """Apply all crosses."""
        return self._follow(first, first, 0)

    def project(self, first: Tensor) -> Tensor:
        """What is linear in ``first``: the products of the first cross."""
        cross = self[0]
        assert isinstance(cross, GatedCrossLayer)
        return cross.product(first)

    def finish(self, first: Tensor, product: Tensor) -> Tensor:
        """Apply all crosses, of which the first has its products already."""
        cross = self[0]
        assert isinstance(cross, GatedCrossLayer)
        return self._follow(first, cross.finish(first, first, product), 1)

    def _follow(self, first: Tensor, current: Tensor, start: int) -> Tensor:
        """Apply the crosses from number ``start`` on."""
        for part in self.parts_of(len(self) - start):
            current = self.run_part(self._apply_crosses, first, current, range(start + part.start, start + part.stop))
        return current

    def _apply_crosses(self, first: Tensor, current: Tensor, part: range) -> Tensor:
        for number in part:
            current = self[number](first, current)
        return current
