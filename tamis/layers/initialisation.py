"""Weight initialisation with explicit fans, for weights that hold several matrices side by side."""

import math

import torch
from torch import Tensor, nn

# The deviation of a unit normal cut at two deviations; dividing by it restores the wanted spread.
_TRUNCATED_DEVIATION = 0.87962566103423978


@torch.no_grad()
def glorot_normal_(weight: Tensor, *, fan_in: int, fan_out: int) -> Tensor:
    """Fill ``weight`` from the Glorot normal distribution, cut at two standard deviations as Keras does.

    torch reads the fans off the shape, which is wrong for the matrices of several views packed into one
    weight.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks".

    Example:
        >>> weight = glorot_normal_(torch.empty(50, 50), fan_in=50, fan_out=50)
        >>> bool(weight.abs().max() <= 2 * (2 / 100) ** 0.5 / 0.8796)
        True
    """
    deviation = math.sqrt(2.0 / (fan_in + fan_out)) / _TRUNCATED_DEVIATION
    return nn.init.trunc_normal_(weight, std=deviation, a=-2 * deviation, b=2 * deviation)


@torch.no_grad()
def glorot_uniform_(weight: Tensor, *, fan_in: int, fan_out: int) -> Tensor:
    """Fill ``weight`` from the Glorot uniform distribution.

    Source: Glorot and Bengio 2010, equation 16.

    Example:
        >>> weight = glorot_uniform_(torch.empty(50, 50), fan_in=3, fan_out=3)
        >>> bool(weight.abs().max() <= 1.0)
        True
    """
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return weight.uniform_(-bound, bound)
