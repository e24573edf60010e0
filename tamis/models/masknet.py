"""MaskNet: hidden layers on input that the row itself masks, in series or side by side."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import MLP, Dropout, InputNorm, InputNormKind, MaskBlock, MaskBlocks, TaskTowers, ViewNorm
from tamis.models.setting_rules import require_at_least, require_share
from tamis.registry import MODELS, ModelEntry


@dataclass(frozen=True, kw_only=True)
class MaskNetConfig:
    """Settings of MaskNet.

    ``structure`` puts ``num_blocks`` of ``block_width`` side by side on the field vectors (parallel) or one behind the
    other (serial). ``reduction`` is the width of a mask's first layer over that of what it masks. ``hidden`` are the
    widths behind the blocks; None is what the paper has, three times 400 for parallel and none for serial.

    ``input_norm`` (before all else; the blocks normalise each field vector anyway), ``input_dropout`` and ``head`` are
    ours.
    """

    dim: int = 16
    input_norm: InputNormKind = "none"
    structure: Literal["parallel", "serial"] = "parallel"
    num_blocks: int = 3
    block_width: int = 64
    reduction: float = 2.0
    hidden: tuple[int, ...] | None = None
    dropout: float = 0.0
    input_dropout: float = 0.0
    head: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("dim", "num_blocks", "block_width", "hidden", "head"):
            require_at_least(self, name, 1)
        require_share(self, "dropout")
        require_share(self, "input_dropout")
        if self.reduction <= 0:
            raise ConfigError(f"MaskNetConfig reduction must be above 0; got {self.reduction}.")

    def resolve_hidden(self) -> tuple[int, ...]:
        """The widths behind the blocks.

        Example:
            >>> [MaskNetConfig(structure=kind).resolve_hidden() for kind in ("parallel", "serial")]
            [(400, 400, 400), ()]
        """
        if self.hidden is not None:
            return self.hidden
        return (400, 400, 400) if self.structure == "parallel" else ()


class MaskNet(nn.Module):
    """Mask blocks on normalised field vectors, all masks made from the vectors as they are; then hidden layers.

    Source: Wang et al. 2021, "MaskNet", arXiv 2102.07619, equations 9 (normalised field vectors), 11 to 14 (blocks),
    15 and 16 (parallel) and 17 (score).

    Raises:
        ConfigError: the layout has no feature field.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> model = MaskNet(MaskNetConfig(block_width=4, hidden=(8,)), layout).eval()
        >>> model(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).logits.shape
        torch.Size([2, 1])
    """

    def __init__(self, config: MaskNetConfig, layout: Layout) -> None:
        super().__init__()
        width = layout.num_fields * config.dim
        self.embed = FieldEmbedding(layout, config.dim)
        self.norm = InputNorm(kind=config.input_norm, fields=layout.num_fields, dim=config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.field_norm = ViewNorm(views=layout.num_fields, width=config.dim)
        is_parallel = config.structure == "parallel"
        inputs = [width] if is_parallel else [width, *[config.block_width] * (config.num_blocks - 1)]
        self.blocks = MaskBlocks(
            MaskBlock(
                context_width=width,
                d_in=d_in,
                width=config.block_width,
                blocks=config.num_blocks if is_parallel else 1,
                reduction=config.reduction,
                dropout=config.dropout,
            )
            for d_in in inputs
        )
        self.hidden = MLP(
            d_in=config.block_width * (config.num_blocks if is_parallel else 1),
            hidden=config.resolve_hidden(),
            dropout=config.dropout,
        )
        self.head = TaskTowers(
            d_in=self.hidden.out_width, tasks=len(layout.tasks), hidden=config.head, dropout=config.dropout
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        context, x = self._sides(self.field_vectors(batch))
        return Output(logits=self.head(self.hidden(self.blocks(context, x))))

    def field_vectors(self, batch: Batch) -> Tensor:
        """Of each field its vector, and the same normalised by itself, side by side."""
        vectors = self.input_dropout(self.norm(self.embed(batch)))
        return torch.cat([vectors, self.field_norm(vectors)], dim=2)

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in them: the normalised vectors themselves, and the first layer of every mask."""
        context, x = self._sides(vectors)
        return x, *self.blocks.project(context)

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        x, *aggregated = projected
        return Output(logits=self.head(self.hidden(self.blocks.finish(aggregated, x))))

    def _sides(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """What the masks are made from, and what the first blocks mask."""
        context, x = vectors.chunk(2, dim=2)
        return context.flatten(1), x.flatten(1)


MODELS.add(
    "masknet",
    ModelEntry(
        name="masknet",
        title="MaskNet, parallel and serial",
        build=MaskNet,
        config=MaskNetConfig,
        source='Wang et al. 2021, "MaskNet", arXiv 2102.07619, DLP-KDD 2021',
        status="published",
        note=(
            "The default width of a block is ours (the paper does not state one), and so are the settings input_norm "
            '(left out by "none", the default), input_dropout (left out by 0, the default) and head.'
        ),
    ),
)
