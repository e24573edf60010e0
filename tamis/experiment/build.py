"""The parts of a run, made from its settings: the model and the batches."""

import torch
from torch import nn

from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches
from tamis.embeddings import tables_stored
from tamis.experiment.settings import ExperimentSettings
from tamis.models import MODELS
from tamis.training import TABLE_DTYPES

EVALUATION_ROWS = 8192


def build_model(settings: ExperimentSettings, encoded: EncodedSet, *, is_hollow: bool = False) -> nn.Module:
    """The model of an experiment with the weights its seed gives; a hollow one has its shapes, and no tables."""
    torch.manual_seed(settings.training.seed)
    with tables_stored(dtype=TABLE_DTYPES[settings.training.tables.dtype], is_hollow=is_hollow):
        return MODELS[settings.model].build(settings.model_settings, encoded.layout)


def make_batches(settings: ExperimentSettings, encoded: EncodedSet, split: str) -> EncodedBatches:
    """Training rows, or their ``train_share``, are shuffled by the run's seed; the others come in file order."""
    is_training = split == "train"
    return EncodedBatches(
        encoded.split(split),
        encoded.layout,
        batch_size=settings.training.batch_size if is_training else EVALUATION_ROWS,
        shuffle_seed=settings.training.seed if is_training else None,
        share=(settings.data.train_share or 1.0) if is_training else 1.0,
    )
