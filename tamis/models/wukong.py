"""Wukong: stacked factorization machines, each doubling the order of the interactions."""

from dataclasses import dataclass

from torch import nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, InputNorm, InputNormKind, TaskTowers, WukongLayer, WukongStack
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class WukongConfig:
    """Settings of Wukong.

    Each of ``num_layers`` (``l`` in the paper) gives ``interacted`` (``n_F``) vectors of new interactions and
    ``compressed`` (``n_L``) of old ones. ``rank`` (``k``) is the size of the projection of the inner products, None
    keeps all of them; with ``is_attentive`` the projection is computed from the row. ``layer_hidden`` are the widths
    inside of the layers, ``hidden`` those behind them.

    ``input_norm``, ``input_dropout`` and ``head`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    num_layers: int = 3
    interacted: int = 16
    compressed: int = 16
    rank: int | None = 8
    is_attentive: bool = False
    layer_hidden: tuple[int, ...] = (128,)
    hidden: tuple[int, ...] = (128,)
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_layers", "interacted", "compressed", "rank", "layer_hidden", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")
        if self.is_attentive and self.rank is None:
            raise ConfigError("WukongConfig is_attentive needs a rank; got None. Set rank, or leave is_attentive out.")


class Wukong(nn.Module):
    """Field vectors through Wukong layers, then through hidden layers to one logit a task.

    Source: Zhang et al. 2024, "Wukong: Towards a Scaling Law for Large-Scale Recommendation", arXiv 2403.02545,
    sections 3.1 to 3.6.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = Wukong(WukongConfig(num_layers=1), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: WukongConfig, layout: Layout) -> None:
        super().__init__()
        self.embed = FieldEmbedding(layout, config.dim)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        vectors = config.interacted + config.compressed
        self.layers = WukongStack(
            WukongLayer(
                vectors_in=vectors_in,
                interacted=config.interacted,
                compressed=config.compressed,
                dim=config.dim,
                rank=config.rank,
                hidden=config.layer_hidden,
                is_attentive=config.is_attentive,
                dropout=config.dropout,
            )
            for vectors_in in (layout.num_fields, *[vectors] * (config.num_layers - 1))
        )
        self.hidden = MLP(d_in=vectors * config.dim, hidden=config.hidden, dropout=config.dropout)
        self.head = TaskTowers(
            d_in=self.hidden.out_width, tasks=len(layout.tasks), hidden=config.head, dropout=config.dropout
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        vectors = self.input_dropout(self.norm(self.embed(batch)))
        return Output(logits=self.head(self.hidden(self.layers(vectors).flatten(1))))


MODELS.add(
    "wukong",
    ModelEntry(
        name="wukong",
        title="Wukong",
        build=Wukong,
        config=WukongConfig,
        source='Zhang et al. 2024, "Wukong", arXiv 2403.02545, ICML 2024',
        status="reconstruction",
        note=(
            "No code was published. Our reading: one normalisation for all vectors of a layer, the last layer of a "
            "block's network is linear, all fields have one vector, each number a vector of its own instead of one "
            "network for all numbers; the sizes inside of an attentive projection. Our settings: input_norm (left out "
            'by "none", the default), input_dropout (left out by 0, the default) and head.'
        ),
    ),
)
