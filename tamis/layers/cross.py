"""The cross layer of DCN V2, full rank or low rank."""

from torch import Tensor, nn

from tamis.layers.initialisation import glorot_uniform_


class CrossLayer(nn.Module):
    """One cross: ``first * (W current + b) + current``, with ``W = U V`` when ``rank`` is given.

    Source: Wang et al. 2021, "DCN V2", arXiv 2008.13535, equations 1 (full rank) and 2 (low rank).

    Shape:
        - first, current, output: ``(rows, width)``

    Raises:
        ValueError: ``width`` or ``rank`` is below 1.

    Example:
        >>> import torch
        >>> x = torch.ones(4, 6)
        >>> CrossLayer(width=6)(x, x).shape
        torch.Size([4, 6])
    """

    def __init__(self, *, width: int, rank: int | None = None) -> None:
        super().__init__()
        if width < 1 or (rank is not None and rank < 1):
            raise ValueError(f"CrossLayer width and rank must be at least 1; got {width} and {rank}.")
        self.reduce = nn.Linear(width, rank, bias=False) if rank is not None else None
        self.linear = nn.Linear(rank or width, width)
        if self.reduce is not None:
            glorot_uniform_(self.reduce.weight, fan_in=width, fan_out=self.reduce.out_features)
        glorot_uniform_(self.linear.weight, fan_in=self.linear.in_features, fan_out=width)
        nn.init.zeros_(self.linear.bias)

    def forward(self, first: Tensor, current: Tensor) -> Tensor:
        """Cross ``current`` with the ``first`` input once more."""
        reduced = current if self.reduce is None else self.reduce(current)
        return first * self.linear(reduced) + current
