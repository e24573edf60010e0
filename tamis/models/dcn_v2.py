"""DCN V2: explicit crosses of the input beside, or below, a deep network."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import MLP, CrossNetwork, Dropout, InputNorm, InputNormKind, TaskTowers, as_multiplied
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class DCNv2Config:
    """Settings of DCN V2.

    ``structure`` puts the deep network beside the crosses (parallel) or behind them (stacked); ``rank`` makes
    the crosses low-rank, None keeps them full; ``hidden`` are the deep network's widths, empty for crosses
    alone.

    ``dropout`` acts inside the network, ``input_dropout`` on the normalised input (ours; published models have none).
    """

    dim: int = 16
    input_norm: InputNormKind = "batch"
    structure: Literal["parallel", "stacked"] = "parallel"
    num_crosses: int = 3
    rank: int | None = None
    hidden: tuple[int, ...] = (400, 400, 400)
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_crosses", "rank", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class DCNv2(nn.Module):
    """Crosses and a deep network on the concatenated field vectors, then one logit a task.

    Source: Wang et al. 2021, "DCN V2", arXiv 2008.13535, figure 1.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = DCNv2(DCNv2Config(hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: Any, layout: Layout) -> None:
        super().__init__()
        width = layout.num_fields * config.dim
        self.is_parallel = config.structure == "parallel" and bool(config.hidden)
        self.embed = FieldEmbedding(layout, config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.crosses = self._make_crosses(config, width)
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
        rounded = as_multiplied(first)
        crossed = self._cross(first, rounded)
        return self._score(crossed, self.deep(rounded if self.is_parallel else crossed))

    def field_vectors(self, batch: Batch) -> Tensor:
        """The normalised vector of each field."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: themselves, the first cross's product, the deep network's first layer."""
        first = self._flat(vectors)
        if self.is_parallel:
            return first, self.crosses.project(first), self.deep.project(first)
        return first, self.crosses.project(first)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        first, product, *deep = projected
        crossed = self.crosses.finish(first, product)
        return self._score(crossed, self.deep.finish(*deep) if self.is_parallel else self.deep(crossed))

    def _make_crosses(self, config: Any, width: int) -> Any:
        return CrossNetwork(width=width, crosses=config.num_crosses, rank=config.rank)

    def _cross(self, first: Tensor, rounded: Tensor) -> Tensor:
        return self.crosses(first, rounded)

    def _flat(self, vectors: Tensor) -> Tensor:
        return self.input_dropout(vectors.flatten(1))

    def _score(self, crossed: Tensor, deep: Tensor) -> Output:
        return Output(logits=self.head(torch.cat([crossed, deep], dim=1) if self.is_parallel else deep))


MODELS.add(
    "dcn_v2",
    ModelEntry(
        name="dcn_v2",
        title="DCN V2",
        build=DCNv2,
        config=DCNv2Config,
        source='Wang et al. 2021, "DCN V2", arXiv 2008.13535',
        status="published",
        note=(
            'Our settings: input_norm ("batch", the default; left out by "none"), input_dropout (left out by 0) and '
            "head. The paper's mixture of several low-rank crosses is left out."
        ),
    ),
)
