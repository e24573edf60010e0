"""GDCN: crosses behind gates, beside or below a deep network."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import MLP, GatedCrossNetwork, InputNorm, InputNormKind, TaskTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class GDCNConfig:
    """Settings of GDCN.

    ``structure`` puts the deep network beside the crosses (GDCN-P) or behind them (GDCN-S); ``hidden`` are its widths,
    empty for the gated cross network alone (GCN).

    ``input_norm``, ``input_dropout`` and ``head`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    structure: Literal["parallel", "stacked"] = "parallel"
    num_crosses: int = 3
    hidden: tuple[int, ...] = (400, 400, 400)
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_crosses", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class GDCN(nn.Module):
    """Gated crosses and a deep network on the concatenated field vectors, then one logit a task.

    Source: Wang et al. 2023, "Towards Deeper, Lighter and Interpretable Cross Network for CTR Prediction", arXiv
    2311.04635, figure 1. The field-level choice of vector sizes, which the paper makes before training, is left out:
    all fields have ``dim`` numbers.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = GDCN(GDCNConfig(hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: GDCNConfig, layout: Layout) -> None:
        super().__init__()
        width = layout.num_fields * config.dim
        self.is_parallel = config.structure == "parallel" and bool(config.hidden)
        self.embed = FieldEmbedding(layout, config.dim)
        self.input_dropout = nn.Dropout(config.input_dropout)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.crosses = GatedCrossNetwork(width=width, crosses=config.num_crosses)
        self.deep = MLP(d_in=width, hidden=config.hidden, dropout=config.dropout)
        self.head = TaskTowers(
            d_in=self.deep.out_width + width * self.is_parallel,
            tasks=len(layout.tasks),
            hidden=config.head,
            dropout=config.dropout,
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        first = self._flat(self.field_vectors(batch))
        crossed = self.crosses(first)
        return self._score(crossed, self.deep(first if self.is_parallel else crossed))

    def field_vectors(self, batch: Batch) -> Tensor:
        """The normalised vector of each field."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: themselves, the first cross's products, the deep network's first layer."""
        first = self._flat(vectors)
        if self.is_parallel:
            return first, self.crosses.project(first), self.deep.project(first)
        return first, self.crosses.project(first)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        first, product, *deep = projected
        crossed = self.crosses.finish(first, product)
        return self._score(crossed, self.deep.finish(*deep) if self.is_parallel else self.deep(crossed))

    def _flat(self, vectors: Tensor) -> Tensor:
        return self.input_dropout(vectors.flatten(1))

    def _score(self, crossed: Tensor, deep: Tensor) -> Output:
        return Output(logits=self.head(torch.cat([crossed, deep], dim=1) if self.is_parallel else deep))


MODELS.add(
    "gdcn",
    ModelEntry(
        name="gdcn",
        title="Gated deep and cross network, GDCN-P, GDCN-S, GCN",
        build=GDCN,
        config=GDCNConfig,
        source=(
            'Wang et al. 2023, "Towards Deeper, Lighter and Interpretable Cross Network for CTR Prediction", '
            "arXiv 2311.04635, CIKM 2023"
        ),
        status="published",
        note=(
            "Without the paper's choice of a vector size for each field. Our own: constants of the crosses start at "
            'zero (in the authors\' code between 0 and 1); the settings input_norm (left out by "none", the default), '
            "input_dropout (left out by 0, the default) and head."
        ),
    ),
)
