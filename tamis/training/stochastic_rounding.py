"""Stochastic rounding: float32 to bfloat16, up or down by chance, so that the mean of many roundings is exact."""

import torch
from torch import Tensor


class StochasticRounding:
    """Round to bfloat16 with a random stream of its own, which processes with the same seed share.

    A number between two neighbours becomes the upper one with the chance that is its distance from the lower one:
    the expectation is the number itself. Rounding to the nearest instead would lose every update smaller than half
    the gap, which is 1/256 of the weight. What bfloat16 can hold stays as it is; so do infinity and NaN.

    Source: Gupta et al. 2015, "Deep Learning with Limited Numerical Precision", section 3; for tables of
    recommendation models: Zhang et al. 2018, "Training with low-precision embedding tables".

    Shape:
        - values: any shape, float32
        - output: the same shape, bfloat16

    Example:
        >>> rounding = StochasticRounding(seed=0, device=torch.device("cpu"))
        >>> numbers = rounding(torch.full((10_000,), 1.001))
        >>> numbers.unique().tolist(), round(numbers.float().mean().item(), 3)
        ([1.0, 1.0078125], 1.001)
    """

    def __init__(self, *, seed: int, device: torch.device) -> None:
        self._generator = torch.Generator(device=device).manual_seed(seed)

    def __call__(self, values: Tensor) -> Tensor:
        """Round every value by a draw of its own."""
        # The upper 16 bits of a float32 are the bfloat16 below it in magnitude, the lower 16 the distance from it:
        # adding 16 random bits carries into the upper half with exactly the right chance.
        bits = values.float().view(torch.int32)
        noise = torch.randint(
            0, 2**16, values.shape, dtype=torch.int32, device=values.device, generator=self._generator
        )
        rounded = noise.add_(bits).bitwise_right_shift_(16).to(torch.int16).view(torch.bfloat16)
        # The carry would turn a NaN of many set bits into a number.
        return torch.where(values.isnan(), float("nan"), rounded)

    @property
    def state(self) -> Tensor:
        """Where the random stream stands, for a checkpoint."""
        return self._generator.get_state()

    @state.setter
    def state(self, state: Tensor) -> None:
        self._generator.set_state(state)
