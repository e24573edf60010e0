"""Mask blocks: a hidden layer whose input is multiplied, number by number, by what the whole row says of it."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack
from tamis.layers.view_norm import ViewNorm


class MaskBlock(nn.Module):
    """One or several blocks on the same input: ``dropout(relu(LN(W (mask * x))))`` with a mask from the context.

    ``mask = P relu(A context + a) + p``, where the first layer is ``reduction`` times as wide as ``x`` (the name is the
    paper's). Each block has matrices and a normalisation of its own; all are computed together.

    Source: Wang et al. 2021, "MaskNet", arXiv 2102.07619, equations 5 (mask), 6, 10, and 12 or 14 (block).

    Shape:
        - context: ``(rows, context_width)``; x: ``(rows, d_in)``
        - output: ``(rows, blocks * width)``

    Raises:
        ValueError: a size is below 1, ``reduction`` is not positive, or ``dropout`` is outside [0, 1).

    Example:
        >>> block = MaskBlock(context_width=6, d_in=4, width=3, blocks=2)
        >>> block(torch.ones(5, 6), torch.ones(5, 4)).shape
        torch.Size([5, 6])
    """

    def __init__(
        self,
        *,
        context_width: int,
        d_in: int,
        width: int,
        blocks: int = 1,
        reduction: float = 2.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(context_width, d_in, width, blocks) < 1:
            raise ValueError(
                "MaskBlock context_width, d_in, width and blocks must be at least 1; "
                f"got {context_width}, {d_in}, {width} and {blocks}."
            )
        if reduction <= 0:
            raise ValueError(f"MaskBlock reduction must be above 0; got {reduction}.")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"MaskBlock dropout must be at least 0 and below 1; got {dropout}.")
        wide = max(1, round(reduction * d_in))
        self.blocks = blocks
        self.aggregation = nn.Linear(context_width, blocks * wide)
        self.projection = nn.Parameter(torch.empty(blocks, wide, d_in))
        self.projection_bias = nn.Parameter(torch.zeros(blocks, d_in))
        self.weight = nn.Parameter(torch.empty(blocks, d_in, width))
        self.norm = ViewNorm(views=blocks, width=width)
        self.dropout = Dropout(dropout)
        glorot_uniform_(self.aggregation.weight, fan_in=context_width, fan_out=wide)
        nn.init.zeros_(self.aggregation.bias)
        glorot_uniform_(self.projection, fan_in=wide, fan_out=d_in)
        glorot_uniform_(self.weight, fan_in=d_in, fan_out=width)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's products that are not those of a part."""
        return 2 * (self.projection.numel() + self.weight.numel())

    def forward(self, context: Tensor, x: Tensor) -> Tensor:
        """Mask the input and apply the hidden layer."""
        return self.finish(self.aggregation(context), x)

    def finish(self, aggregated: Tensor, x: Tensor) -> Tensor:
        """What follows the first layer of the mask, which is affine in the context."""
        aggregated = aggregated.relu().unflatten(1, (self.blocks, -1)).transpose(0, 1)
        masks = torch.baddbmm(self.projection_bias.unsqueeze(1), aggregated, self.projection)
        hidden = torch.bmm(masks * x, self.weight).transpose(0, 1)
        return self.dropout(self.norm(hidden).relu()).flatten(1)


class MaskBlocks(RecomputedStack):
    """Mask blocks in order, each on what the one before gave, all with masks from the same context.

    Source: Wang et al. 2021, "MaskNet", arXiv 2102.07619, section on serial MaskNet.

    Shape:
        - context: ``(rows, context_width)``; x: ``(rows, d_in)``
        - output: ``(rows, blocks * width)`` of the last block
    """

    def __init__(self, blocks: Iterable[MaskBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, context: Tensor, x: Tensor) -> Tensor:
        """Apply all blocks."""
        for block in self.blocks:
            x = self.run_part(block, context, x)
        return x

    def project(self, context: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the context: the first layer of every mask."""
        return tuple(block.aggregation(context) for block in self._each())

    def finish(self, aggregated: Iterable[Tensor], x: Tensor) -> Tensor:
        """What follows ``project``."""
        for block, own in zip(self._each(), aggregated, strict=True):
            x = block.finish(own, x)
        return x

    def _each(self) -> Iterable[MaskBlock]:
        for block in self.blocks:
            assert isinstance(block, MaskBlock)
            yield block
