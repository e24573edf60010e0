"""AFN: an adaptive factorization network, which learns of how many fields each product is made."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, InputNorm, InputNormKind, LogarithmicLayer, TaskTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class AFNConfig:
    """Settings of AFN.

    ``neurons`` is the number of products, ``hidden`` the widths behind them. ``deep_hidden`` are the widths of a deep
    network with field vectors of its own, which makes it AFN+; empty for AFN. ``hidden_norm`` puts a batch
    normalisation into each hidden layer, as the authors' code does.

    ``input_dropout`` leaves logarithms out of all products, which is a power of zero, and in the deep network acts on
    its vectors. It, ``input_norm`` (before the logarithms) and ``head`` are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    neurons: int = 600
    hidden: tuple[int, ...] = (400, 400, 400)
    deep_hidden: tuple[int, ...] = ()
    hidden_norm: bool = True
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "neurons", "hidden", "deep_hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")


class AFN(nn.Module):
    """Products of learned powers of all fields, through hidden layers; for AFN+ weighed with a deep network.

    Source: Cheng et al. 2020, "Adaptive Factorization Network", arXiv 1909.03276, equation 7 (logarithmic neurons),
    the hidden layers behind it, and the section on ensembles (AFN+: ``w1 y_AFN + w2 y_DNN + b``, no vectors shared).

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = AFN(AFNConfig(neurons=4, hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: AFNConfig, layout: Layout) -> None:
        super().__init__()
        fields, tasks = layout.num_fields, len(layout.tasks)
        self.dim = config.dim
        self.embed = FieldEmbedding(layout, config.dim)
        self.norm = InputNorm(kind=config.input_norm, fields=fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.products = LogarithmicLayer(fields=fields, neurons=config.neurons)
        self.hidden = MLP(
            d_in=config.dim * config.neurons,
            hidden=config.hidden,
            dropout=config.dropout,
            has_norm=config.hidden_norm,
        )
        self.head = TaskTowers(d_in=self.hidden.out_width, tasks=tasks, hidden=config.head, dropout=config.dropout)
        self.deep = _Deep(config, layout) if config.deep_hidden else None
        if self.deep is not None:
            self.shares = nn.Parameter(torch.full((2, tasks), 0.5))
            self.bias = nn.Parameter(torch.zeros(tasks))

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's logarithmic neurons, which only here know the dimensions."""
        return 2 * self.dim * self.products.weight.numel()

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        return self.finish(self.project(self.field_vectors(batch)))

    def field_vectors(self, batch: Batch) -> Tensor:
        """Of each field its normalised logarithms, and for AFN+ its vector for the deep network, side by side."""
        # A vector that mixed precision had rounded would have another logarithm where it is near zero.
        with torch.autocast(batch.ids.device.type, enabled=False):
            vectors = self.norm(self.embed(batch))
        logarithms = self.input_dropout(self.products.logarithms(vectors))
        if self.deep is None:
            return logarithms
        return torch.cat([logarithms, self.input_dropout(self.deep.embed(batch))], dim=2)

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in them: the logarithms of all products, and the deep network's first layer."""
        if self.deep is None:
            return (self.products.project(vectors),)
        logarithms, deep = vectors.chunk(2, dim=2)
        return self.products.project(logarithms), self.deep.hidden.project(deep.flatten(1))

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        products, *deep = projected
        logits = self.head(self.hidden(self.products.finish(products)))
        if self.deep is not None:
            ours, theirs = self.shares
            logits = ours * logits + theirs * self.deep.score(self.deep.hidden.finish(*deep)) + self.bias
        return Output(logits=logits)


class _Deep(nn.Module):
    """The deep network of AFN+."""

    def __init__(self, config: AFNConfig, layout: Layout) -> None:
        super().__init__()
        self.embed = FieldEmbedding(layout, config.dim)
        self.hidden = MLP(
            d_in=layout.num_fields * config.dim,
            hidden=config.deep_hidden,
            dropout=config.dropout,
            has_norm=config.hidden_norm,
        )
        self.score = TaskTowers(d_in=self.hidden.out_width, tasks=len(layout.tasks))


MODELS.add(
    "afn",
    ModelEntry(
        name="afn",
        title="Adaptive factorization network, AFN, AFN+",
        build=AFN,
        config=AFNConfig,
        source='Cheng et al. 2020, "Adaptive Factorization Network", arXiv 1909.03276',
        status="published",
        note=(
            "The two parts of AFN+ are trained as one model, as FuxiCTR does; the authors train each by a loss of its "
            "own. Our own: the batch normalisation of hidden layers stands before the activation; a number gets an "
            "affine vector, because the absolute value of a scaled one would forget its sign; the settings input_norm "
            '(left out by "none", the default), input_dropout (left out by 0, the default) and head.'
        ),
    ),
)
