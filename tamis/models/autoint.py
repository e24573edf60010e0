"""AutoInt: fields attend to one another, layer upon layer."""

from dataclasses import dataclass

from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, InputNorm, InputNormKind, InteractingNetwork, TaskTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class AutoIntConfig:
    """Settings of AutoInt.

    Each of ``num_layers`` has ``heads`` of ``attention_width`` numbers (``d'`` in the paper). ``hidden`` are the widths
    of a deep network beside them, which makes it AutoInt+; empty for AutoInt.

    ``dropout`` acts on the attention and in the deep network, ``input_dropout`` on the field vectors, as in the
    authors' code. ``input_norm`` and ``head`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    num_layers: int = 3
    heads: int = 2
    attention_width: int = 32
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_layers", "heads", "attention_width", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class AutoInt(nn.Module):
    """Interacting layers, then one linear score of all fields; for AutoInt+ plus the score of a deep network.

    Source: Song et al. 2019, "AutoInt", arXiv 1810.11921, equations 2 to 4 (field vectors), 5 to 8 (interacting
    layers), 9 (score) and section 5.5 (AutoInt+). Where the authors' code differs, the paper is followed; see
    ``InteractingLayer``.

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> import torch
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = AutoInt(AutoIntConfig(num_layers=1), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: AutoIntConfig, layout: Layout) -> None:
        super().__init__()
        fields, tasks = layout.num_fields, len(layout.tasks)
        self.fields, self.attended = fields, config.num_layers * config.heads * config.attention_width
        self.embed = FieldEmbedding(layout, config.dim, numbers="scaled")
        self.norm = InputNorm(kind=config.input_norm, fields=fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.interacting = InteractingNetwork(
            d_in=config.dim,
            layers=config.num_layers,
            heads=config.heads,
            width=config.attention_width,
            dropout=config.dropout,
        )
        width = fields * config.heads * config.attention_width
        self.head = TaskTowers(d_in=width, tasks=tasks, hidden=config.head, dropout=config.dropout)
        self.deep = self.deep_score = None
        if config.hidden:
            self.deep = MLP(d_in=fields * config.dim, hidden=config.hidden, dropout=config.dropout)
            self.deep_score = TaskTowers(d_in=self.deep.out_width, tasks=tasks)

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet; to one of the two scores, which are added up."""
        self.head.begin_at(logits)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's interacting layers, which only here know the number of fields."""
        products = self.fields * sum(weight.numel() for weight in self.interacting.parameters())
        return 2 * (products + 2 * self.fields**2 * self.attended)

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        vectors: Tensor = self.input_dropout(self.norm(self.embed(batch)))
        logits = self.head(self.interacting(vectors).flatten(1))
        if self.deep is not None and self.deep_score is not None:
            logits = logits + self.deep_score(self.deep(vectors.flatten(1)))
        return Output(logits=logits)


MODELS.add(
    "autoint",
    ModelEntry(
        name="autoint",
        title="AutoInt, AutoInt+",
        build=AutoInt,
        config=AutoIntConfig,
        source='Song et al. 2019, "AutoInt", arXiv 1810.11921',
        status="published",
        note=(
            "Follows the paper where its authors' code differs (the code scales the attention, has biases and "
            "activations in its products and normalises each layer). Our settings: input_norm (left out by "
            '"none", the default) and head.'
        ),
    ),
)
