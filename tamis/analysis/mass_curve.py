"""Where the weight mass of a layer lies: in few of its input dimensions, or in all."""

import torch
from torch import Tensor

CURVE_SHARES = tuple(step / 20 for step in range(21))
"""The shares of input dimensions at which the curve is written down."""


def mass_curve(mass: Tensor) -> Tensor:
    """The share of the whole mass in the heaviest dimensions, cumulated: entry ``k`` is that of the ``k`` heaviest.

    Mass without any weight counts as spread evenly.

    Shape:
        - mass: ``(dims,)``, not negative
        - output: ``(dims + 1,)`` float64 from 0 to 1

    Raises:
        ValueError: there is no dimension.

    Example:
        >>> mass_curve(torch.tensor([1.0, 3.0])).tolist()
        [0.0, 0.75, 1.0]
    """
    if mass.numel() == 0:
        raise ValueError("mass_curve needs at least one dimension; got none.")
    mass = mass.double().sort(descending=True).values
    mass = mass if mass[0] > 0 else torch.ones_like(mass)
    heaped = mass.cumsum(0)
    return torch.cat([heaped.new_zeros(1), heaped / heaped[-1]])


def curve_at(curve: Tensor, shares: tuple[float, ...] = CURVE_SHARES) -> tuple[float, ...]:
    """The curve's height at some shares of the dimensions, straight between its points.

    Example:
        >>> curve_at(torch.tensor([0.0, 0.75, 1.0]), (0.0, 0.25, 1.0))
        (0.0, 0.375, 1.0)
    """
    places = torch.tensor(shares, dtype=torch.float64) * (len(curve) - 1)
    left = places.floor().long().clamp_max(len(curve) - 2)
    return tuple(torch.lerp(curve.double()[left], curve.double()[left + 1], places - left).tolist())


def dims_holding(mass: Tensor, share: float = 0.8) -> float:
    """The smallest share of the dimensions that holds ``share`` of the mass.

    Source: arXiv 2604.08011, introduction (80 % of the weight mass in 4 % of the dimensions; whether of absolute or of
    squared weights it does not say).

    Example:
        >>> dims_holding(torch.tensor([6.0, 2.0, 1.0, 1.0]))
        0.5
    """
    curve = mass_curve(mass)
    # A hair less, so that a share reached exactly is not missed by rounding.
    return int((curve < share - 1e-9).sum()) / (len(curve) - 1)


def group_shares(mass: Tensor, groups: int) -> Tensor:
    """Shares of the mass in equal groups of neighbouring dimensions: the fields of a flat input, the views of a block.

    Shape:
        - mass: ``(..., groups * size)``, not negative
        - output: ``(..., groups)`` float64, which add up to 1, or are 0 where there is no mass

    Example:
        >>> group_shares(torch.tensor([1.0, 1.0, 2.0, 0.0]), 2).tolist()
        [0.5, 0.5]
    """
    sums = mass.double().unflatten(-1, (groups, -1)).sum(-1)
    return sums / sums.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
