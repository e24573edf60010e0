"""Numbers as the matrix products of mixed precision read them."""

import torch
from torch import Tensor


def as_multiplied(x: Tensor) -> Tensor:
    """``x`` in the dtype of the products under autocast, else as it is: several products then share one rounding.

    Shape:
        - x, output: the same, any

    Example:
        >>> with torch.autocast("cpu", dtype=torch.bfloat16):
        ...     as_multiplied(torch.ones(2)).dtype
        torch.bfloat16
    """
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x
