"""What a static filter chose: how much of the input, how much twice, and from which fields."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class StaticChoice:
    """``zeros`` is the share of the input that a view leaves out, ``unread`` the share that no view takes.

    ``overlap`` is the Jaccard index of what two views take, ``chance_overlap`` the one random sets of their size are
    near; ``groups`` says which share of a view comes from each group of input dimensions.

    Shape:
        - overlap: ``(views, views)``
        - groups: ``(views, groups)``
    """

    zeros: float
    unread: float
    overlap: Tensor
    chance_overlap: float
    groups: Tensor


def static_choice(indices: Tensor, *, d_in: int, groups: int) -> StaticChoice:
    """Look at the indices of a static filter; no rows are needed, for they are the same for every row.

    Shape:
        - indices: ``(views, width)``, numbers below ``d_in``; twice the same counts once

    Example:
        >>> choice = static_choice(torch.tensor([[0, 1], [1, 2]]), d_in=4, groups=2)
        >>> choice.unread, round(choice.overlap[0, 1].item(), 4), choice.groups.tolist()
        (0.25, 0.3333, [[1.0, 0.0], [0.5, 0.5]])
    """
    taken = torch.zeros(len(indices), d_in, dtype=torch.float64).scatter_(1, indices.cpu(), 1.0)
    sizes, common = taken.sum(1), taken @ taken.T
    width = sizes.mean().item()
    return StaticChoice(
        zeros=1 - width / d_in,
        unread=(taken.sum(0) == 0).double().mean().item(),
        overlap=common / (sizes.unsqueeze(1) + sizes - common),
        chance_overlap=width / (2 * d_in - width),
        groups=taken.unflatten(1, (groups, -1)).sum(2) / sizes.unsqueeze(1),
    )
