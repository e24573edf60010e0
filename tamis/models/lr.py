"""LR: logistic regression, the floor under every other model."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class LRConfig:
    """Settings of logistic regression: none."""


class LR(nn.Module):
    """One weight for each value of each field, and their sum: ``w0 + sum_i w_i x_i``.

    An id has ``x = 1``, each of the ``m`` ids of a list ``1 / m``, a number itself. Each task has its own weights.

    Source: Richardson et al. 2007, "Predicting clicks", WWW 2007; the terms of first order in Rendle 2010,
    "Factorization machines", equation 1.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = LR(LRConfig(), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: LRConfig, layout: Layout) -> None:
        super().__init__()
        self.weights = FieldEmbedding(layout.unattended, len(layout.tasks), numbers="scaled")
        self.bias = nn.Parameter(torch.zeros(len(layout.tasks)))

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet."""
        self.bias.copy_(logits)

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        return self.finish(self.project(self.field_vectors(batch)))

    def field_vectors(self, batch: Batch) -> Tensor:
        """What each field adds to the logits."""
        return self.weights(batch)

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: their sum."""
        return (vectors.sum(dim=1),)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        return Output(logits=projected[0] + self.bias)


MODELS.add(
    "lr",
    ModelEntry(
        name="lr",
        title="Logistic regression",
        build=LR,
        config=LRConfig,
        source='Richardson et al. 2007, "Predicting clicks", WWW 2007',
        status="published",
        note="Our own: the ids of a list share a weight of one.",
    ),
)
