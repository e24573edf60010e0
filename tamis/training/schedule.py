"""How the learning rates move: a warm-up, then a decay; one schedule for the tables and the dense part."""

import math
from dataclasses import dataclass
from typing import Literal

from tamis.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Settings of the schedule.

    The learning rate climbs in a straight line over ``warmup_steps`` and then falls, by the last planned
    step, to ``final_share`` of its value; ``decay="none"`` keeps it.
    """

    warmup_steps: int = 0
    decay: Literal["none", "linear", "cosine"] = "none"
    final_share: float = 0.0

    def __post_init__(self) -> None:
        if self.warmup_steps < 0:
            raise ConfigError(f"Schedule warmup_steps must be at least 0; got {self.warmup_steps}.")
        if not 0.0 <= self.final_share <= 1.0:
            raise ConfigError(f"Schedule final_share must be from 0 to 1; got {self.final_share}.")

    def share(self, step: int, total: int) -> float:
        """What part of the full learning rate update ``step`` (from 0) of ``total`` planned updates takes.

        Example:
            >>> schedule = Schedule(warmup_steps=2, decay="linear")
            >>> [schedule.share(step, 5) for step in range(5)]
            [0.5, 1.0, 1.0, 0.5, 0.0]
        """
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        progress = min(1.0, (step - self.warmup_steps) / max(1, total - 1 - self.warmup_steps))
        if self.decay == "linear":
            return 1.0 - (1.0 - self.final_share) * progress
        if self.decay == "cosine":
            return self.final_share + (1.0 - self.final_share) * (1.0 + math.cos(math.pi * progress)) / 2.0
        return 1.0
