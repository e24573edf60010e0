"""MLP: the dense baseline on the concatenated field vectors."""

from dataclasses import dataclass

from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, InputNorm, InputNormKind, TaskTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class MLPConfig:
    """Settings of the MLP: ``hidden`` widths shared by all tasks, then ``head`` hidden widths of each task.

    ``dropout`` acts after every hidden layer, ``input_dropout`` on the normalised input.
    """

    dim: int = 16
    input_norm: InputNormKind = "batch"
    hidden: tuple[int, ...] = (400, 400)
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class MLPRanker(nn.Module):
    """Field vectors, side by side, through hidden layers to one logit a task.

    Source: Covington et al. 2016, "Deep Neural Networks for YouTube Recommendations", the ranking network
    without its feature engineering.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = MLPRanker(MLPConfig(hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: MLPConfig, layout: Layout, *, has_dice: bool = False) -> None:
        super().__init__()
        self.embed = FieldEmbedding(layout, config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.hidden = MLP(
            d_in=layout.num_fields * config.dim, hidden=config.hidden, dropout=config.dropout, has_dice=has_dice
        )
        self.head = TaskTowers(
            d_in=self.hidden.out_width, tasks=len(layout.tasks), hidden=config.head, dropout=config.dropout
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        x = self._flat(self.field_vectors(batch))
        return Output(logits=self.head(self.hidden(x)))

    def field_vectors(self, batch: Batch) -> Tensor:
        """The normalised vector of each field."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: the first hidden layer before its activation."""
        return (self.hidden.project(self._flat(vectors)),)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        return Output(logits=self.head(self.hidden.finish(*projected)))

    def _flat(self, vectors: Tensor) -> Tensor:
        return self.input_dropout(vectors.flatten(1))


MODELS.add(
    "mlp",
    ModelEntry(
        name="mlp",
        title="Dense MLP",
        build=MLPRanker,
        config=MLPConfig,
        source='Covington et al. 2016, "Deep Neural Networks for YouTube Recommendations", RecSys 2016',
        status="published",
        note='Our settings: input_norm ("batch", the default; left out by "none") and input_dropout (left out by 0).',
    ),
)
