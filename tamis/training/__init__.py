"""Training: the only loop, which turns a module and a source of batches into trained weights.

Made here: trained weights, checkpoints, the curve of a run, and evaluations. From: any module ``Batch ->
Output`` and any ``BatchSource``; no model, file format or encoder is known here. Asked for by: experiments,
the command line, and serving for evaluation alone.
"""

from tamis.training.distributed import Workers, choose_device
from tamis.training.evaluate import EvaluatedRows, Evaluation, evaluate
from tamis.training.loop import train
from tamis.training.memory_source import MemorySource
from tamis.training.optimizers import DenseOptimizer, GateOptimizer, TableOptimizer
from tamis.training.precision import Precision, choose_precision
from tamis.training.progress import Best, Progress, TrainingResult
from tamis.training.recomputation import recomputed_activations
from tamis.training.schedule import Schedule
from tamis.training.settings import TrainingSettings
from tamis.training.start import StartName, start_at_base_rates
from tamis.training.table_dtype import TABLE_DTYPES

__all__ = [
    "TABLE_DTYPES",
    "Best",
    "DenseOptimizer",
    "EvaluatedRows",
    "Evaluation",
    "MemorySource",
    "Precision",
    "Progress",
    "Schedule",
    "StartName",
    "GateOptimizer",
    "TableOptimizer",
    "TrainingResult",
    "TrainingSettings",
    "Workers",
    "choose_device",
    "choose_precision",
    "evaluate",
    "recomputed_activations",
    "start_at_base_rates",
    "train",
]
