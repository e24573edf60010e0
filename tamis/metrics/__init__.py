"""Metrics: how good are predicted chances?

Made here: exact numbers (AUC, GAUC, log loss, calibration, and all of them by slice) about probabilities and
0/1 labels. From: numpy arrays only; no tensors, no models, no files.
Who may ask: training (evaluation), analysis, serving, experiments and the command line.

Each metric has ``update``, ``merge`` and ``compute``. The result is bit-identical for the same rows in any
order, any batches and any number of processes: ranks are computed from all rows, and sums are whole numbers
(``exact_sum``).
"""

from tamis.metrics.auc import AUC
from tamis.metrics.bayes import BayesBound
from tamis.metrics.calibration import CalibrationRatio, ExpectedCalibrationError
from tamis.metrics.collection import RankingMetrics
from tamis.metrics.exact_sum import ExactSum
from tamis.metrics.gauc import GAUC
from tamis.metrics.growing_array import GrowingArray
from tamis.metrics.log_loss import LogLoss
from tamis.metrics.normalised_entropy import NormalisedEntropy
from tamis.metrics.scored_rows import ScoredRows, check_rows
from tamis.metrics.slices import metrics_by_slice

__all__ = [
    "AUC",
    "GAUC",
    "BayesBound",
    "CalibrationRatio",
    "ExactSum",
    "ExpectedCalibrationError",
    "GrowingArray",
    "LogLoss",
    "NormalisedEntropy",
    "RankingMetrics",
    "ScoredRows",
    "check_rows",
    "metrics_by_slice",
]
