"""Normalised entropy: log loss as a share of what always guessing the positive rate would lose."""

import math

import numpy as np

from tamis.metrics.log_loss import LogLoss
from tamis.metrics.scored_rows import ScoredRows, check_rows


class NormalisedEntropy:
    """Log loss over the entropy of the positive rate: below 1 beats the constant guess, 0 is perfect.

    Unlike log loss it can be compared between data sets of different positive rates. *nan* while only one
    class of labels has been seen, for then the constant guess loses nothing.

    Source: He et al. 2014, "Practical Lessons from Predicting Clicks on Ads at Facebook", equation 1.

    Example:
        >>> entropy = NormalisedEntropy()
        >>> entropy.update([0.25, 0.25, 0.25, 0.25], [0, 0, 0, 1])
        >>> round(entropy.compute(), 9)
        1.0
    """

    def __init__(self) -> None:
        self.positives = 0
        self._log_loss = LogLoss()

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
        self.positives += int(np.count_nonzero(rows.labels))
        self._log_loss.add(rows)

    def merge(self, other: "NormalisedEntropy") -> None:
        """Take in what another process has summed."""
        self.positives += other.positives
        self._log_loss.merge(other._log_loss)

    def compute(self) -> float:
        """The share over all rows so far."""
        return normalise_entropy(self._log_loss.compute(), rows=self._log_loss.rows, positives=self.positives)


def normalise_entropy(log_loss: float, *, rows: int, positives: int) -> float:
    """Divide a log loss by the entropy of ``positives`` in ``rows``, both in nats.

    Example:
        >>> round(normalise_entropy(0.3465735903, rows=4, positives=2), 6)
        0.5
    """
    if positives in (0, rows):
        return math.nan
    rate = positives / rows
    return log_loss / -(rate * math.log(rate) + (1.0 - rate) * math.log1p(-rate))
