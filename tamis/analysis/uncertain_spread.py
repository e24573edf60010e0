"""How far does chance reach, if its variance is known in one part, and in the other estimated from a few values?"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

_NODES = 97
_LEFT_OUT = 1e-12
"""The chance at either end of an estimate's distribution that no node stands for."""


@dataclass(frozen=True)
class UncertainSpread:
    """The sum of two independent normal errors: one of variance ``known``, one of which there is only an ``estimate``.

    An estimate of ``freedom`` 2, from three values, is below a twentieth of the truth once in twenty times. Who takes
    it as it is believes differences most where the values agree by luck, and of hundreds of differences those stand
    out. So every true variance that may be behind the estimate counts by its chance. Without a known part this is
    Student's t.

    Source: Student 1908, and the known part beside it ours; the chances are the fiducial ones of Fisher 1935.

    Example:
        >>> round(UncertainSpread(0.0, 1.0, 2).reach(), 4), round(UncertainSpread(1.0).reach(), 4)
        (4.3027, 1.96)
    """

    known: float
    estimate: float = 0.0
    freedom: float = 1.0

    def chance_beyond(self, distance: float) -> float:
        """The chance that the error is farther from 0 than ``distance``, on either side.

        Example:
            >>> round(UncertainSpread(1.0).chance_beyond(1.96), 4)
            0.05
        """
        variances, chances = self._mixture
        if distance == 0 or not variances.any():
            return float(distance == 0)
        return float(chances @ torch.special.erfc(torch.from_numpy(abs(distance) / np.sqrt(2 * variances))).numpy())

    def reach(self, *, inside: float = 0.95) -> float:
        """The distance from 0 that the error stays within with chance ``inside``; bisected."""
        low, high = 0.0, math.sqrt(self.known + self.estimate)
        while high and self.chance_beyond(high) > 1 - inside:
            low, high = high, 2 * high
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.chance_beyond(middle) > 1 - inside else (low, middle)
        return high

    @cached_property
    def _mixture(self) -> tuple[np.ndarray, np.ndarray]:
        """Variances that the sum may have, and the chance of each.

        The truth is ``estimate * freedom / chi2``; its nodes are evenly apart by the logarithm of ``chi2 / freedom``,
        and end where the first term of the gamma function below, and the bound of Laurent and Massart (2000) above,
        leave out too little to matter.
        """
        half, least = self.freedom / 2, -math.log(_LEFT_OUT)
        low = (math.lgamma(half + 1) - least) / half - math.log(half)
        high = math.log((self.freedom + 2 * math.sqrt(self.freedom * least) + 2 * least) / self.freedom)
        logs = np.linspace(low, high, _NODES)
        density = half * (logs - np.exp(logs))
        chances = np.exp(density - density.max())
        return self.known + self.estimate / np.exp(logs), chances / chances.sum()
