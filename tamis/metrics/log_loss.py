"""Log loss: the mean surprise of the labels under the predicted chances, in nats."""

import math

import numpy as np

from tamis.metrics.exact_sum import ExactSum
from tamis.metrics.scored_rows import ScoredRows, check_rows

CLIP = 1e-7


class LogLoss:
    """Mean of ``-ln p`` where the label is 1 and ``-ln(1 - p)`` where it is 0.

    Probabilities are first clipped to [1e-7, 1 - 1e-7]: a float32 sigmoid rounds to exactly 0 or 1 beyond
    logits of about 17, and one such row would make the mean infinite. A wrong certainty therefore costs at
    most 16.2 nats. With no rows it is *nan*.

    Example:
        >>> loss = LogLoss()
        >>> loss.update([0.5, 0.5], [0, 1])
        >>> round(loss.compute(), 6)
        0.693147
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = ExactSum()

    def update(
        self,
        probabilities: np.typing.ArrayLike,
        labels: np.typing.ArrayLike,
        groups: np.typing.ArrayLike | None = None,
    ) -> None:
        """Take in some rows; ``groups`` is not used."""
        self.add(check_rows(probabilities, labels))

    def add(self, rows: ScoredRows) -> None:
        """Take in rows that are already checked."""
        self.rows += len(rows)
        self._sum.add(row_losses(rows))

    def merge(self, other: "LogLoss") -> None:
        """Take in what another process has summed."""
        self.rows += other.rows
        self._sum.merge(other._sum)

    def compute(self) -> float:
        """The mean over all rows so far."""
        return self._sum.value / self.rows if self.rows else math.nan


def row_losses(rows: ScoredRows) -> np.ndarray:
    """The surprise of each row, in nats.

    Shape:
        - output: ``(rows,)`` float64
    """
    probabilities = rows.probabilities.astype(np.float64)
    chance_of_label = np.where(rows.labels, probabilities, 1.0 - probabilities)
    return -np.log(np.clip(chance_of_label, CLIP, 1.0 - CLIP))
