"""What SSR-S and SSR-D share: the way from field vectors through blocks of views to one logit a task."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout
from tamis.layers import (
    Dropout,
    DynamicBlock,
    InputNorm,
    InputNormKind,
    RecomputedStack,
    StaticBlock,
    TaskTowers,
    mean_of_views,
)
from tamis.models.setting_rules import require_at_least, require_share

Fusion = Literal["none", "dense", "residual"]
LastViews = Literal["mean", "concat"]
ViewNormKind = Literal["per_view", "shared"]

Parts = TypeVar("Parts")


@dataclass(frozen=True, kw_only=True)
class SSRParts:
    """The parts in which published versions of SSR differ.

    ``fusion`` after the filter: a dense layer, a dense layer with a residual, or none. ``view_norm``: the
    layer normalisation after it has a scale and shift for each view, or shares them.
    """

    input_norm: InputNormKind
    input_norm_eps: float
    input_norm_momentum: float
    fusion: Fusion
    view_norm: ViewNormKind
    view_norm_eps: float
    head: tuple[int, ...]


class SSRBlocks(RecomputedStack):
    """Blocks in order: the views of one, side by side, are the input of the next.

    Source: arXiv 2604.08011, equations 7 (between blocks) and 8 (mean of the last views).

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, width)`` for ``last`` mean, ``(rows, views * width)`` for concat
    """

    def __init__(self, blocks: Iterable[StaticBlock | DynamicBlock], *, last: LastViews) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Run all blocks."""
        return self._follow(self.run_part(self.blocks[0], x))

    def project(self, x: Tensor) -> tuple[Tensor, ...]:
        """What is linear in ``x``: the first part of the first block."""
        return self._first.project(x)

    def finish(self, projected: tuple[Tensor, ...]) -> Tensor:
        """What follows ``project``."""
        return self._follow(self._first.finish(projected))

    def _follow(self, views: Tensor) -> Tensor:
        """What the first block's views become."""
        for block in self.blocks[1:]:
            views = self.run_part(block, views.flatten(1))
        return mean_of_views(views) if self.last == "mean" else views.flatten(1)

    @property
    def _first(self) -> StaticBlock | DynamicBlock:
        block = self.blocks[0]
        assert isinstance(block, StaticBlock | DynamicBlock)
        return block


class SSRRanker(nn.Module):
    """Normalised field vectors through blocks of views to one logit a task; which blocks, a model says.

    ``blocks`` are made here, after the embedding, so that a seed draws the weights in one order; ``width`` is that of a
    last view.

    Source: arXiv 2604.08011, equations 7 and 8.
    """

    def __init__(
        self,
        config: Any,
        parts: SSRParts,
        layout: Layout,
        *,
        blocks: Iterable[StaticBlock | DynamicBlock],
        width: int,
    ) -> None:
        super().__init__()
        self.embed = FieldEmbedding(layout, config.dim)
        self.input_dropout = Dropout(config.input_dropout)
        self.norm = InputNorm(
            kind=parts.input_norm,
            fields=layout.num_fields,
            dim=config.dim,
            eps=parts.input_norm_eps,
            momentum=parts.input_norm_momentum,
        )
        self.body = SSRBlocks(blocks, last=config.last)
        self.head = TaskTowers(
            d_in=width if config.last == "mean" else width * config.views[-1],
            tasks=len(layout.tasks),
            hidden=parts.head,
            dropout=config.dropout,
        )

    def forward(self, batch: Batch) -> Output:
        """Score one batch."""
        x = self._flat(self.field_vectors(batch))
        return Output(logits=self.head(self.body(x)))

    def field_vectors(self, batch: Batch) -> Tensor:
        """The normalised vector of each field."""
        return self.norm(self.embed(batch))

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """What is affine in the vectors: the linear part of the first block."""
        return self.body.project(self._flat(vectors))

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        return Output(logits=self.head(self.body.finish(projected)))

    def _flat(self, vectors: Tensor) -> Tensor:
        return self.input_dropout(vectors.flatten(1))


def resolve_parts(config: Any, preset: Parts) -> Parts:
    """The preset's parts, with each that ``config`` sets itself put in its place."""
    names = [part.name for part in fields(preset)]  # type: ignore[arg-type]
    chosen = {name: getattr(config, name) for name in names}
    return type(preset)(**{name: getattr(preset, name) if value is None else value for name, value in chosen.items()})


def check_blocks(config: Any) -> None:
    """Check the settings that SSR-S and SSR-D have in common.

    Raises:
        ConfigError: a size is below 1, or ``views`` and ``widths`` do not describe the same blocks.
    """
    for name in ("dim", "views", "widths", "head"):
        require_at_least(config, name, 1)
    require_share(config, "dropout")
    require_share(config, "input_dropout")
    if not config.views or len(config.views) != len(config.widths):
        raise ConfigError(
            f"{type(config).__qualname__} views and widths must name one number for each block, and at least "
            f"one; got views {config.views} and widths {config.widths}."
        )
