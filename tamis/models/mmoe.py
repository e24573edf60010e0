"""MMoE: experts that all tasks share, mixed for each task by a gate of its own."""

from dataclasses import dataclass

from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import Dropout, InputNorm, InputNormKind, MultiGateExperts, OwnTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class MMoEConfig:
    """Settings of MMoE: ``expert_hidden`` are the widths of each expert, ``head`` those of each task's tower.

    ``input_norm`` and ``input_dropout`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    num_experts: int = 8
    expert_hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = (32,)

    def __post_init__(self) -> None:
        for name in ("dim", "num_experts", "expert_hidden", "head"):
            require_at_least(self, name, 1)
        if not self.expert_hidden:
            raise ConfigError(f"MMoEConfig expert_hidden needs at least one width; got {self.expert_hidden}.")
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class MMoE(nn.Module):
    """Field vectors, side by side, to all experts; for each task a mixture of their answers and a tower.

    With one task the gate still chooses among experts by the row.

    Source: Ma et al. 2018, "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts", KDD
    2018, section 4.2.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),), tasks=("click", "pay"))
        >>> model = MMoE(MMoEConfig(num_experts=2, expert_hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3], [4]]), dense=torch.empty(3, 0))).logits.shape
        torch.Size([3, 2])
    """

    def __init__(self, config: MMoEConfig, layout: Layout) -> None:
        super().__init__()
        tasks = len(layout.tasks)
        self.embed = FieldEmbedding(layout, config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.experts = MultiGateExperts(
            d_in=layout.num_fields * config.dim,
            experts=config.num_experts,
            hidden=config.expert_hidden,
            tasks=tasks,
            dropout=config.dropout,
        )
        self.head = OwnTowers(d_in=self.experts.out_width, tasks=tasks, hidden=config.head, dropout=config.dropout)

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        return Output(logits=self.head(self.experts(self._flat(self.field_vectors(batch)))))

    def field_vectors(self, batch: Batch) -> Tensor:
        """The vector of each field, normalised if it is to be."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: the experts' first layers and the gates before their softmax."""
        return self.experts.project(self._flat(vectors))

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        return Output(logits=self.head(self.experts.finish(*projected)))

    def _flat(self, vectors: Tensor) -> Tensor:
        return self.input_dropout(vectors.flatten(1))


MODELS.add(
    "mmoe",
    ModelEntry(
        name="mmoe",
        title="Multi-gate mixture of experts",
        build=MMoE,
        config=MMoEConfig,
        source=(
            'Ma et al. 2018, "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts", '
            "KDD 2018"
        ),
        status="published",
        note=(
            "The default widths are ours (the paper states some for its made-up data alone: 8 experts of one layer of "
            '16, towers of 8), and so are the settings input_norm (left out by "none", the default) and input_dropout '
            "(left out by 0, the default)."
        ),
    ),
)
