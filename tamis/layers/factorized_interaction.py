"""Factorized interaction layers: each doubles the order of what it is given."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from tamis.layers.averaged_batch_norm import AveragedBatchNorm
from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack

InteractionResidual = Literal["concat", "sum"]
INTERACTION_RESIDUALS: tuple[str, ...] = get_args(InteractionResidual)


class FactorizedInteraction(nn.Module):
    """Two linear maps ``u`` and ``v`` of the input and their product: ``[u, u * v]``, or ``u + u * v``.

    With ``concat`` each half has half of ``width``, with ``sum`` all of it. ``u`` is the first half of ``linear``.

    Source: Zhu et al. 2023, "FINAL: factorized interaction layer for CTR prediction", SIGIR 2023, and its authors' code
    in FuxiCTR.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, width)``

    Raises:
        ValueError: a size is below 1, ``residual`` is unknown, or it is ``concat`` and ``width`` is odd.

    Example:
        >>> FactorizedInteraction(d_in=3, width=4)(torch.ones(5, 3)).shape
        torch.Size([5, 4])
    """

    def __init__(self, *, d_in: int, width: int, residual: InteractionResidual = "concat") -> None:
        super().__init__()
        if min(d_in, width) < 1:
            raise ValueError(f"FactorizedInteraction d_in and width must be at least 1; got {d_in} and {width}.")
        if residual not in INTERACTION_RESIDUALS:
            raise ValueError(
                f"FactorizedInteraction residual must be one of {list(INTERACTION_RESIDUALS)}; got {residual!r}."
            )
        if residual == "concat" and width % 2:
            raise ValueError(f"FactorizedInteraction width must be even to hold two halves; got {width}.")
        self.residual = residual
        half = width // 2 if residual == "concat" else width
        self.linear = nn.Linear(d_in, 2 * half)
        glorot_uniform_(self.linear.weight, fan_in=d_in, fan_out=half)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply two maps of the input."""
        return self.finish(self.linear(x))

    def finish(self, projected: Tensor) -> Tensor:
        """What follows the linear maps."""
        kept, factor = projected.chunk(2, dim=1)
        product = kept * factor
        return torch.cat([kept, product], dim=1) if self.residual == "concat" else kept + product


class FactorizedBlock(RecomputedStack):
    """Factorized interactions in order, each followed by normalisation, activation and dropout where they are wanted.

    Source: Zhu et al. 2023, "FINAL", SIGIR 2023, and its authors' code in FuxiCTR.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, out_width)``, where ``out_width`` is the last of ``hidden``

    Raises:
        ValueError: there is no width or one is below 1, ``residual`` is unknown, or a width is odd with ``concat``.

    Example:
        >>> FactorizedBlock(d_in=3, hidden=(8, 4))(torch.ones(5, 3)).shape
        torch.Size([5, 4])
    """

    def __init__(
        self,
        *,
        d_in: int,
        hidden: Sequence[int],
        residual: InteractionResidual = "concat",
        has_activation: bool = True,
        has_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not hidden:
            raise ValueError("FactorizedBlock needs at least one width; got none.")
        widths = [d_in, *hidden]
        self.interactions = nn.ModuleList(
            FactorizedInteraction(d_in=i, width=o, residual=residual) for i, o in zip(widths, widths[1:], strict=False)
        )
        self.norms = nn.ModuleList(AveragedBatchNorm(width) for width in hidden) if has_norm else None
        self.has_activation = has_activation
        self.dropout = Dropout(dropout)
        self.out_width = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Apply all interactions in order."""
        for part in self.parts_of(len(self.interactions)):
            x = self.run_part(self._apply_interactions, x, part)
        return x

    def project(self, x: Tensor) -> Tensor:
        """What is affine in ``x``: the two maps of the first interaction."""
        first = self.interactions[0]
        assert isinstance(first, FactorizedInteraction)
        return first.linear(x)

    def finish(self, projected: Tensor) -> Tensor:
        """What follows ``project``."""
        first = self.interactions[0]
        assert isinstance(first, FactorizedInteraction)
        x = self._end(first.finish(projected), 0)
        return self._apply_interactions(x, range(1, len(self.interactions)))

    def _apply_interactions(self, x: Tensor, part: range) -> Tensor:
        for number in part:
            x = self._end(self.interactions[number](x), number)
        return x

    def _end(self, x: Tensor, number: int) -> Tensor:
        x = x if self.norms is None else self.norms[number](x)
        return self.dropout(x.relu() if self.has_activation else x)
