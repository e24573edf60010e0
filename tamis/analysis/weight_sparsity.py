"""How many weights are near zero, by a fixed threshold and by two that move with the matrix."""

from dataclasses import dataclass

import torch
from torch import Tensor

THRESHOLDS = {"absolute": 1e-3, "of_largest": 0.01, "of_root_mean_square": 0.1}
"""The paper's threshold, and two that move with the matrix, as shares of its largest weight and root mean square."""

MAGNITUDE_EDGES = tuple(step / 4 for step in range(-24, 5))
"""Edges of the histogram of ``log10 |w|``, four bins a decade from a millionth to ten."""


@dataclass(frozen=True, kw_only=True)
class WeightSparsity:
    """Shares of weights below each threshold, and of those in each bin of magnitude.

    What is smaller than all bins, exact zeros among it, counts in the first bin, what is larger in the last.
    """

    below_absolute: float
    below_largest: float
    below_rms: float
    magnitudes: tuple[float, ...]


def weight_sparsity(weight: Tensor) -> WeightSparsity:
    """Count near-zero weights. A fixed threshold says as much of the layer's width as of what it learned: with ``k``
    inputs, weights start with a spread of about ``k ** -0.5``. So compare with the same layer before training.

    Source: the threshold 1e-3 of arXiv 2604.08011, introduction; the relative ones are ours.

    Shape:
        - weight: any

    Raises:
        ValueError: there is no weight.

    Example:
        >>> weight_sparsity(torch.tensor([0.0, 0.0005, 0.5, 1.0])).below_absolute
        0.5
    """
    if weight.numel() == 0:
        raise ValueError("weight_sparsity needs at least one weight; got none.")
    magnitude = weight.detach().double().abs().flatten()
    root_mean_square = magnitude.square().mean().sqrt()
    low, high = MAGNITUDE_EDGES[0], MAGNITUDE_EDGES[-1]
    bins = ((magnitude.log10().clamp(low, high) - low) * 4).floor().long().clamp_max(len(MAGNITUDE_EDGES) - 2)
    counts = torch.bincount(bins, minlength=len(MAGNITUDE_EDGES) - 1)
    return WeightSparsity(
        below_absolute=_share(magnitude < THRESHOLDS["absolute"]),
        # "At most" in the relative ones, so that a matrix of zeros is sparse by every measure.
        below_largest=_share(magnitude <= THRESHOLDS["of_largest"] * magnitude.max()),
        below_rms=_share(magnitude <= THRESHOLDS["of_root_mean_square"] * root_mean_square),
        magnitudes=tuple((counts / len(magnitude)).tolist()),
    )


def _share(is_below: Tensor) -> float:
    return is_below.double().mean().item()
