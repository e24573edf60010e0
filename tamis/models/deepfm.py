"""DeepFM: a factorization machine and a deep network on the same field vectors."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, InputNorm, InputNormKind, PairInteraction, TaskTowers
from tamis.models.mlp import MLPConfig
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class DeepFMConfig(MLPConfig):
    """Settings of DeepFM: ``hidden`` are the widths of the deep network.

    ``input_norm``, ``input_dropout`` (both on the vectors that the two parts share) and ``head`` are ours.
    """

    input_norm: InputNormKind = "none"
    hidden: tuple[int, ...] = (400, 400, 400)


class DeepFM(nn.Module):
    """The score of a factorization machine plus that of a deep network, which share their vectors.

    Source: Guo et al. 2017, "DeepFM", arXiv 1703.04247, equations 1 (their sum), 2 (the factorization machine) and 3
    to 4 (the deep network). Lists are fields as in ``FM``.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = DeepFM(DeepFMConfig(hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: DeepFMConfig, layout: Layout) -> None:
        super().__init__()
        tasks = len(layout.tasks)
        self.weights = FieldEmbedding(layout.unattended, tasks, numbers="scaled")
        self.embed = FieldEmbedding(layout, config.dim, numbers="scaled")
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.pairs = PairInteraction(dim=config.dim, tasks=tasks)
        self.deep = MLP(d_in=layout.num_fields * config.dim, hidden=config.hidden, dropout=config.dropout)
        self.head = TaskTowers(d_in=self.deep.out_width, tasks=tasks, hidden=config.head, dropout=config.dropout)
        self.widths = (tasks, config.dim, config.dim)

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        vectors = self.field_vectors(batch)
        deep = self.deep(self._shared(vectors))
        return self._score(vectors.sum(dim=1), deep)

    def field_vectors(self, batch: Batch) -> Tensor:
        """Of each field its weights, its vector and the squares of its vector, side by side."""
        vectors = self.input_dropout(self.norm(self.embed(batch)))
        return torch.cat([self.weights(batch), vectors, vectors.square()], dim=2)

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in them: their sums, and the deep network's first layer."""
        return vectors.sum(dim=1), self.deep.project(self._shared(vectors))

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        sums, deep = projected
        return self._score(sums, self.deep.finish(deep))

    def _shared(self, vectors: Tensor) -> Tensor:
        return vectors.split(self.widths, dim=2)[1].flatten(1)

    def _score(self, sums: Tensor, deep: Tensor) -> Output:
        linear, total, squares = sums.split(self.widths, dim=1)
        return Output(logits=linear + self.pairs(total, squares) + self.head(deep))


MODELS.add(
    "deepfm",
    ModelEntry(
        name="deepfm",
        title="DeepFM",
        build=DeepFM,
        config=DeepFMConfig,
        source='Guo et al. 2017, "DeepFM", arXiv 1703.04247',
        status="published",
        note=(
            "Our own: the ids of a list are one field and are not paired with one another; several tasks share the "
            'vectors and weigh their products; input_norm (left out by "none", the default), input_dropout (left out '
            "by 0, the default) and head."
        ),
    ),
)
