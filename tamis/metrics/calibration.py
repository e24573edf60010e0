"""Calibration: do rows that are given a chance of 0.2 turn out positive two times in ten?"""

import math

import numpy as np

from tamis.errors import DataError
from tamis.metrics.exact_sum import FRACTION_BITS, ExactSum, sum_units, to_units
from tamis.metrics.ordering import sort_by_probability
from tamis.metrics.scored_rows import RowStore, ScoredRows, check_rows

BINS = 15


class CalibrationRatio:
    """Predicted over observed positives (PCOC, predicted click over click): 1.1 is 10 % too many.

    *nan* while no positive label has been seen.

    Example:
        >>> ratio = CalibrationRatio()
        >>> ratio.update([0.5, 0.25, 0.75], [0, 0, 1])
        >>> ratio.compute()
        1.5
    """

    def __init__(self) -> None:
        self.positives = 0
        self._predicted = ExactSum()

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
        self._predicted.add(rows.probabilities)

    def merge(self, other: "CalibrationRatio") -> None:
        """Take in what another process has summed."""
        self.positives += other.positives
        self._predicted.merge(other._predicted)

    def compute(self) -> float:
        """The ratio over all rows so far."""
        return self._predicted.value / self.positives if self.positives else math.nan


class ExpectedCalibrationError:
    """Mean distance between predicted and observed rate over bins that hold equally many rows.

    Equal mass instead of equal width, because click probabilities crowd near zero, where equal widths would
    put almost all rows into one bin. Rows of equal probability stay in one bin: a border that would part them
    moves up behind them, so bins may be uneven or fewer, and no result depends on how a sort orders equals.
    With no rows it is *nan*.

    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (the error);
    Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis" (equal mass).

    Example:
        >>> error = ExpectedCalibrationError(bins=2)
        >>> error.update([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1])
        >>> error.compute()
        0.25
        >>> error.reliability()[0]
        {'rows': 2, 'predicted': 0.25, 'observed': 0.0}
    """

    def __init__(self, *, bins: int = BINS) -> None:
        _check_bins(bins)
        self.bins = bins
        self._store = RowStore()

    def update(
        self,
        probabilities: np.typing.ArrayLike,
        labels: np.typing.ArrayLike,
        groups: np.typing.ArrayLike | None = None,
    ) -> None:
        """Take in some rows; ``groups`` is not used."""
        self._store.add(check_rows(probabilities, labels))

    def merge(self, other: "ExpectedCalibrationError") -> None:
        """Take in the rows another process has seen."""
        self._store.merge(other._store)

    def compute(self) -> float:
        """The error over all rows so far."""
        return calibration_error(self.reliability())

    def reliability(self) -> list[dict[str, float]]:
        """The bins by ascending prediction: their rows, mean prediction and share of positives."""
        return reliability_of_sorted(*sort_by_probability(self._store.join()), bins=self.bins)


def reliability_of_sorted(probabilities: np.ndarray, labels: np.ndarray, *, bins: int = BINS) -> list[dict[str, float]]:
    """The bins of rows already in ascending order of probability.

    Shape:
        - probabilities, labels: ``(rows,)``
        - output: at most ``bins`` dictionaries ``{rows, predicted, observed}``
    """
    _check_bins(bins)
    rows = len(labels)
    if not rows:
        return []
    targets = np.arange(1, bins) * rows // bins
    last_inside = probabilities[np.maximum(targets, 1) - 1]
    borders = np.unique(np.r_[0, np.searchsorted(probabilities, last_inside, side="right"), rows])
    return [
        {
            "rows": int(end - start),
            "predicted": sum_units(to_units(probabilities[start:end].astype(np.float64)))
            / (int(end - start) << FRACTION_BITS),
            "observed": int(np.count_nonzero(labels[start:end])) / int(end - start),
        }
        for start, end in zip(borders[:-1], borders[1:], strict=True)
    ]


def calibration_error(reliability: list[dict[str, float]]) -> float:
    """The mean distance of the bins, each weighing as many rows as it holds; nan with no bins."""
    rows = sum(part["rows"] for part in reliability)
    if not rows:
        return math.nan
    return math.fsum(part["rows"] * abs(part["predicted"] - part["observed"]) for part in reliability) / rows


def _check_bins(bins: int) -> None:
    if bins < 1:
        raise DataError(f"reliability bins must be at least 1; got {bins}.")
