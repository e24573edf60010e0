"""All ranking metrics of one label together: the rows are checked, kept and sorted once."""

import math

import numpy as np

from tamis.metrics.auc import auc_of_sorted
from tamis.metrics.calibration import BINS, CalibrationRatio, calibration_error, reliability_of_sorted
from tamis.metrics.gauc import gauc_of_rows
from tamis.metrics.log_loss import LogLoss
from tamis.metrics.normalised_entropy import normalise_entropy
from tamis.metrics.ordering import sort_by_probability
from tamis.metrics.scored_rows import RowStore, ScoredRows, check_rows


class RankingMetrics:
    """Every number a run reports about one label; feed it batches, merge it over processes, compute once.

    The result is bit-identical for the same rows, whatever their order, the batch size and the number of
    processes. The object is plain Python and numpy, so it can be pickled between processes; it keeps all rows
    (5 to 17 bytes each), because exact ranks need them.

    Example:
        >>> metrics = RankingMetrics()
        >>> metrics.update([0.2, 0.8], [0, 1])
        >>> other_process = RankingMetrics()
        >>> other_process.update([0.4, 0.6], [1, 0])
        >>> metrics.merge(other_process)
        >>> metrics.compute()["rows"], metrics.compute()["auc"]
        (4, 0.75)
    """

    def __init__(self, *, bins: int = BINS) -> None:
        self.bins = bins
        self._store = RowStore()
        self._log_loss = LogLoss()
        self._calibration = CalibrationRatio()

    @property
    def rows(self) -> int:
        """How many rows have been counted, to be asserted against the split."""
        return self._log_loss.rows

    def update(
        self,
        probabilities: np.typing.ArrayLike,
        labels: np.typing.ArrayLike,
        groups: np.typing.ArrayLike | None = None,
    ) -> None:
        """Take in some rows; without ``groups`` the three GAUCs are nan.

        Shape:
            - probabilities, labels, groups: ``(rows,)``

        Raises:
            DataError: a probability is outside [0, 1], a label is not 0 or 1, lengths differ, or only some
                rows have groups.
        """
        rows = check_rows(probabilities, labels, groups)
        self._store.add(rows)
        self._log_loss.add(rows)
        self._calibration.add(rows)

    def merge(self, other: "RankingMetrics") -> None:
        """Take in the rows another process has seen."""
        self._store.merge(other._store)
        self._log_loss.merge(other._log_loss)
        self._calibration.merge(other._calibration)

    def kept_rows(self) -> ScoredRows:
        """The rows themselves, for example to send them to another process or to cut them into slices."""
        return self._store.join()

    def compute(self) -> dict[str, float]:
        """All metrics as one flat dictionary: counts are whole numbers, what is undefined is nan."""
        rows, positives = self.rows, self._calibration.positives
        probabilities, labels = sort_by_probability(self._store.join())
        log_loss = self._log_loss.compute()
        return {
            "rows": rows,
            "positives": positives,
            "positive_rate": positives / rows if rows else math.nan,
            "auc": auc_of_sorted(probabilities, labels),
            **gauc_of_rows(self._store.join()),
            "log_loss": log_loss,
            "normalised_entropy": normalise_entropy(log_loss, rows=rows, positives=positives),
            "calibration_ratio": self._calibration.compute(),
            "expected_calibration_error": calibration_error(
                reliability_of_sorted(probabilities, labels, bins=self.bins)
            ),
        }

    def reliability(self) -> list[dict[str, float]]:
        """The bins behind the calibration error: ``{rows, predicted, observed}`` by ascending prediction."""
        return reliability_of_sorted(*sort_by_probability(self._store.join()), bins=self.bins)
