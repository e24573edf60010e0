"""How many directions a matrix really uses."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Rank:
    """``full`` is the most there could be, ``effective`` and ``stable`` what there is; 0 for a matrix of zeros."""

    full: int
    effective: float
    stable: float


def matrix_rank(weight: Tensor) -> Rank:
    """The effective and the stable rank of a block-diagonal matrix, whose singular values are those of all blocks.

    The effective rank is ``exp(entropy)`` of the singular values as shares of their sum; the stable rank is the sum of
    their squares over the largest square. Both are ``n`` for ``n`` equal values and 1 for a single one.

    Source: Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", definition 1; stable
    rank: Rudelson and Vershynin 2007.

    Shape:
        - weight: ``(blocks, outputs, inputs)``

    Example:
        >>> rank = matrix_rank(torch.eye(3).unsqueeze(0))
        >>> rank.full, round(rank.effective, 4), round(rank.stable, 4)
        (3, 3.0, 3.0)
    """
    values = torch.linalg.svdvals(weight.detach().float()).double().flatten()
    if not values.numel() or values.max() <= 0:
        return Rank(full=values.numel(), effective=0.0, stable=0.0)
    shares = values / values.sum()
    entropy = torch.special.entr(shares).sum()
    stable = values.square().sum() / values.max().square()
    return Rank(full=values.numel(), effective=entropy.exp().item(), stable=stable.item())
