"""One training of a script, of which nothing is left on disk."""

import tempfile
from collections.abc import Callable
from typing import Any

from torch import nn

from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, make_batches
from tamis.training import TrainingResult, train


def train_aside(
    model: nn.Module, settings: ExperimentSettings, encoded: EncodedSet, *, watch: Callable[..., None] | None = None
) -> tuple[TrainingResult, list[float]]:
    """Train ``model`` as ``tamis train`` would; it then holds the chosen weights. Also the AUC of every validation."""
    aucs: list[float] = []

    def note(progress: Any) -> None:
        if progress.valid is not None:
            aucs.append(progress.valid["auc"])

    with tempfile.TemporaryDirectory() as folder:
        result = train(
            model,
            source=make_batches(settings, encoded, "train"),
            valid=make_batches(settings, encoded, "valid"),
            settings=settings.training,
            folder=folder,
            report=note,
            tasks=encoded.layout.tasks,
            watch=watch,
            base_rates=encoded.base_rates("train"),
        )
    return result, aucs
