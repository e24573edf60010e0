"""What SSR-S and SSR-D share: blocks of views in order, and their last views as one vector."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from tamis.errors import ConfigError
from tamis.layers import DynamicBlock, RecomputedStack, StaticBlock, mean_of_views
from tamis.models.setting_rules import require_at_least, require_share

Fusion = Literal["none", "dense", "residual"]
LastViews = Literal["mean", "concat"]
ViewNormKind = Literal["per_view", "shared"]

Parts = TypeVar("Parts")


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
