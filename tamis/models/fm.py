"""FM: a factorization machine, a linear term and the inner products of all pairs of field vectors."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import Dropout, InputNorm, InputNormKind, PairInteraction
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class FMConfig:
    """Settings of the factorization machine: ``dim`` is the size of the vectors (``k`` in the paper).

    ``input_norm`` and ``input_dropout`` act on the vectors (ours; the paper has none).
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    input_dropout: float = 0.0

    def __post_init__(self) -> None:
        require_at_least(self, "dim", 1)
        require_share(self, "input_dropout")


class FM(nn.Module):
    """``w0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j``, where ``i`` and ``j`` run over the fields.

    A list is one field, the mean of what belongs to its ids, and so is a vector: its own parts are not paired with
    one another.

    Source: Rendle 2010, "Factorization machines", equation 1, computed as in lemma 3.1.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> ids = (IdField(name="user", table="user"), IdField(name="item", table="item"))
        >>> model = FM(FMConfig(dim=4), Layout(tables={"user": 9, "item": 9}, ids=ids)).eval()
        >>> model(Batch(ids=torch.tensor([[2, 3], [3, 4]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: FMConfig, layout: Layout) -> None:
        super().__init__()
        tasks = len(layout.tasks)
        self.weights = FieldEmbedding(layout.unattended, tasks, numbers="scaled")
        self.bias = nn.Parameter(torch.zeros(tasks))
        self.embed = FieldEmbedding(layout, config.dim, numbers="scaled")
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.pairs = PairInteraction(dim=config.dim, tasks=tasks)
        self.widths = (tasks, config.dim, config.dim)

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet."""
        self.bias.copy_(logits)

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        return self.finish(self.project(self.field_vectors(batch)))

    def field_vectors(self, batch: Batch) -> Tensor:
        """Of each field its weights, its vector and the squares of its vector, side by side."""
        vectors = self.input_dropout(self.norm(self.embed(batch)))
        return torch.cat([self.weights(batch), vectors, vectors.square()], dim=2)

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in them: their sums."""
        return vectors.sum(dim=1).split(self.widths, dim=1)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        linear, total, squares = projected
        return Output(logits=self.bias + linear + self.pairs(total, squares))


MODELS.add(
    "fm",
    ModelEntry(
        name="fm",
        title="Factorization machine",
        build=FM,
        config=FMConfig,
        source='Rendle 2010, "Factorization machines", ICDM 2010',
        status="published",
        note=(
            "Our own: the ids of a list are one field and are not paired with one another; several tasks share the "
            'vectors and weigh their products; input_norm (left out by "none", the default) and input_dropout '
            "(left out by 0, the default)."
        ),
    ),
)
