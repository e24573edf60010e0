"""FinalNet: factorized interaction layers in one or two blocks, which may teach each other."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import Dropout, FactorizedBlock, FieldGate, InputNorm, InputNormKind, InteractionResidual, TaskTowers
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class FinalNetConfig:
    """Settings of FinalNet.

    ``first_hidden`` and ``second_hidden`` are the widths of the two blocks; an empty ``second_hidden`` leaves one.
    ``has_gates`` gives the first block gated field vectors beside the plain ones. With ``is_distilled`` each of two
    blocks also learns from their mean. ``residual``, ``has_activation`` and ``hidden_norm`` shape each interaction.

    ``input_norm``, ``input_dropout`` and ``head`` (the hidden widths behind each block) are ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    first_hidden: tuple[int, ...] = (400, 400)
    second_hidden: tuple[int, ...] = (400,)
    residual: InteractionResidual = "concat"
    has_gates: bool = False
    has_activation: bool = True
    hidden_norm: bool = True
    is_distilled: bool = True
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "first_hidden", "second_hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")
        if not self.first_hidden:
            raise ConfigError("FinalNetConfig first_hidden needs at least one width; got none.")
        for name in ("first_hidden", "second_hidden"):
            widths = getattr(self, name)
            if self.residual == "concat" and any(width % 2 for width in widths):
                raise ConfigError(
                    f"FinalNetConfig {name} must be even, because residual 'concat' fills each width with two halves; "
                    f"got {widths}."
                )


class FinalNet(nn.Module):
    """The mean of the logits of two blocks of factorized interactions, or the logits of one.

    While training, a distilled model has a loss beside its objective: the cross-entropy of each block with the
    probability of both, which itself is not moved by it.

    Source: Zhu et al. 2023, "FINAL: factorized interaction layer for CTR prediction", SIGIR 2023, and its authors' code
    in FuxiCTR (model FinalNet).

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = FinalNet(FinalNetConfig(first_hidden=(8,), second_hidden=(4,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: FinalNetConfig, layout: Layout) -> None:
        super().__init__()
        width, tasks = layout.num_fields * config.dim, len(layout.tasks)
        self.embed = FieldEmbedding(layout, config.dim)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.dim = config.dim
        self.gate = FieldGate(fields=layout.num_fields) if config.has_gates else None
        self.is_distilled = config.is_distilled
        self.first = _Part(config, d_in=width * (1 + config.has_gates), hidden=config.first_hidden, tasks=tasks)
        self.second = None
        if config.second_hidden:
            self.second = _Part(config, d_in=width, hidden=config.second_hidden, tasks=tasks)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's field gates, which only here know the dimensions."""
        return 0 if self.gate is None else 2 * self.dim * self.gate.weight.numel()

    def forward(self, batch: Batch) -> Output:
        """Score one batch; while training, with the loss of the blocks beside it."""
        vectors = self.input_dropout(self.field_vectors(batch))
        flat = vectors.flatten(1)
        first = self.first(flat if self.gate is None else _gated(flat, self.gate(vectors).flatten(1)))
        if self.second is None:
            return Output(logits=first)
        second = self.second(flat)
        logits = (first + second) / 2
        if not (self.training and self.is_distilled):
            return Output(logits=logits)
        return Output(logits=logits, losses={"distillation": _distillation(logits, (first, second), batch.weights)})

    def field_vectors(self, batch: Batch) -> Tensor:
        """The normalised vector of each field."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: the first maps of each block; of a gated one, the vectors and the gates."""
        flat = vectors.flatten(1)
        second = () if self.second is None else (self.second.block.project(flat),)
        if self.gate is None:
            return self.first.block.project(flat), *second
        return flat, self.gate(vectors).flatten(1), *second

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        if self.gate is None:
            first, *second = projected
            logits = self.first.finish(first)
        else:
            flat, gates, *second = projected
            logits = self.first(_gated(flat, gates))
        return Output(logits=logits if self.second is None else (logits + self.second.finish(*second)) / 2)


class _Part(nn.Module):
    """One block and its logits."""

    def __init__(self, config: FinalNetConfig, *, d_in: int, hidden: tuple[int, ...], tasks: int) -> None:
        super().__init__()
        self.block = FactorizedBlock(
            d_in=d_in,
            hidden=hidden,
            residual=config.residual,
            has_activation=config.has_activation,
            has_norm=config.hidden_norm,
            dropout=config.dropout,
        )
        self.head = TaskTowers(d_in=self.block.out_width, tasks=tasks, hidden=config.head, dropout=config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(x))

    def finish(self, projected: Tensor) -> Tensor:
        return self.head(self.block.finish(projected))


def _gated(flat: Tensor, gates: Tensor) -> Tensor:
    return torch.cat([flat, flat * gates], dim=1)


def _distillation(logits: Tensor, scores: tuple[Tensor, Tensor], weights: Tensor | None) -> Tensor:
    """The cross-entropies of all ``scores`` with the probabilities of ``logits``, weighed as the objective weighs."""
    target = torch.sigmoid(logits.detach().float())
    weight = None if weights is None else weights.unsqueeze(1)
    losses = [F.binary_cross_entropy_with_logits(score.float(), target, weight=weight) for score in scores]
    return torch.stack(losses).sum()


MODELS.add(
    "final_net",
    ModelEntry(
        name="final_net",
        title="FinalNet (factorized interaction layers)",
        build=FinalNet,
        config=FinalNetConfig,
        source='Zhu et al. 2023, "FINAL: factorized interaction layer for CTR prediction", SIGIR 2023',
        status="published",
        note=(
            "Its layers, gates and distillation are those of the authors' own code in FuxiCTR. Our settings: "
            'input_norm (left out by "none", the default), input_dropout (left out by 0, the default) and head.'
        ),
    ),
)
