"""The losses of the last updates, left on the device until somebody wants to know them."""

import math

import torch
from torch import Tensor

from tamis.errors import TrainingError
from tamis.training.distributed import Workers


class LossWindow:
    """One loss an update since the last line of the curve; reading waits for the device, adding does not.

    Each process adds its part of the loss of the global batch; ``read`` sums the parts.

    Example:
        >>> window = LossWindow(Workers(), advice="Lower them.")
        >>> window.add(torch.tensor(0.5), rows=30, step=1)
        >>> window.add(torch.tensor(1.5), rows=10, step=2)
        >>> window.read()
        >>> window.mean()
        0.75
    """

    def __init__(self, workers: Workers, *, advice: str) -> None:
        self.values: list[float] = []
        self.rows: list[int] = []
        self._unread: list[Tensor] = []
        self._workers = workers
        self._advice = advice
        self._last_step = 0

    def add(self, loss: Tensor, *, rows: int, step: int) -> None:
        """Remember the loss of update ``step`` over ``rows`` rows."""
        self._unread.append(loss.detach())
        self.rows.append(rows)
        self._last_step = step

    def read(self) -> None:
        """Fetch what was added since the last reading.

        Raises:
            TrainingError: a loss is NaN or infinite.
        """
        if not self._unread:
            return
        values = self._workers.sum(torch.stack(self._unread)).tolist()
        first_step = self._last_step - len(values) + 1
        self._unread.clear()
        for step, value in enumerate(values, start=first_step):
            if not math.isfinite(value):
                raise TrainingError(f"the loss of step {step} is {value}, so training cannot go on. {self._advice}")
        self.values += values

    def mean(self) -> float:
        """The mean over the rows of all losses read since ``clear``."""
        total = math.fsum(value * rows for value, rows in zip(self.values, self.rows, strict=True))
        return total / sum(self.rows)

    def clear(self) -> None:
        """Begin a new window."""
        self.values.clear()
        self.rows.clear()
