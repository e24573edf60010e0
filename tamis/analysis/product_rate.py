"""How fast this machine multiplies matrices, by a short trial."""

import time

import torch


def product_flops_per_second(device: torch.device, dtype: torch.dtype, *, width: int = 1024, trials: int = 3) -> float:
    """The fastest of a few products of two square matrices; some hundredths of a second, and so only rough.

    Example:
        >>> product_flops_per_second(torch.device("cpu"), torch.float32, width=64) > 0
        True
    """
    left = torch.ones(width, width, device=device, dtype=dtype)
    seconds = []
    for _ in range(trials + 1):  # the first one is a warm-up
        _wait_for(device)
        started = time.perf_counter()
        torch.mm(left, left)
        _wait_for(device)
        seconds.append(time.perf_counter() - started)
    return 2.0 * width**3 / min(seconds[1:])


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
