"""Watching the filters and the hidden layers of a model while it scores rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.analysis import ViewCounts, group_shares
from tamis.layers import MLP, DynamicBlock, StaticBlock


@dataclass(frozen=True, kw_only=True)
class FilterBlock:
    """One block of SSR by its name in the model; ``groups`` equal parts of its input are fields, or views before."""

    name: str
    block: StaticBlock | DynamicBlock
    d_in: int
    groups: int | None
    reads_fields: bool


def filter_blocks(model: nn.Module, *, num_fields: int, flat_width: int | None) -> list[FilterBlock]:
    """All SSR blocks in order; what the first reads are the fields, if it is as wide as they are together."""
    found: list[FilterBlock] = []
    before: tuple[int, int] | None = None
    for name, block in model.named_modules():
        if not isinstance(block, StaticBlock | DynamicBlock):
            continue
        d_in = block.filter.d_in if isinstance(block, StaticBlock) else block.projection.weight.shape[1]
        reads_fields = before is None and d_in == flat_width
        groups = num_fields if reads_fields else None
        if before is not None and d_in == before[0] * before[1]:
            groups = before[0]
        found.append(FilterBlock(name=name, block=block, d_in=d_in, groups=groups, reads_fields=reads_fields))
        before = _output(block)
    return found


def projected_groups(place: FilterBlock) -> Tensor | None:
    """To which groups of the input each dimension of a dynamic block's views belongs, by weight mass.

    It is an attribution: a projected dimension mixes all of them.

    Shape:
        - output: ``(views, width, groups)``, or None where the input has no groups
    """
    if place.groups is None or isinstance(place.block, StaticBlock):
        return None
    projection = place.block.projection
    competing = projection.weight.detach()[: projection.views * projection.width]
    return group_shares(competing.abs(), place.groups).unflatten(0, (projection.views, projection.width))


class Watch:
    """Counts what dynamic filters and hidden ReLU layers leave at zero in every row that the model scores.

    ``filters`` and ``relu_layers`` hold the counts by name.
    """

    def __init__(self, model: nn.Module, blocks: list[FilterBlock]) -> None:
        self._model = model
        self.filters = {
            place.name: ViewCounts(
                alpha=place.block.filter.alpha.detach(),
                width=place.block.projection.width,
                group_shares=projected_groups(place),
            )
            for place in blocks
            if isinstance(place.block, DynamicBlock)
        }
        self.relu_layers = {
            f"{name}.linears.{number}": ViewCounts(alpha=torch.empty(1, 0), width=linear.out_features)
            for name, module in model.named_modules()
            if isinstance(module, MLP)
            for number, linear in enumerate(module.linears)
            if isinstance(linear, nn.Linear)
        }

    @contextmanager
    def counting(self) -> Iterator[None]:
        """While inside, every row that the model scores is counted."""
        hooks = [
            *(
                self._model.get_submodule(f"{name}.filter").register_forward_pre_hook(_add_competing(counts))
                for name, counts in self.filters.items()
            ),
            *(
                self._model.get_submodule(name).register_forward_hook(_add_hidden(counts))
                for name, counts in self.relu_layers.items()
            ),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _add_competing(counts: ViewCounts) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def add(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        counts.add(args[0] if args[0].dim() == 3 else args[0][:, 0])

    return add


def _add_hidden(counts: ViewCounts) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    # The layer cuts at zero in place right after this.
    def add(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        counts.add(output.unsqueeze(1))

    return add


def _output(block: StaticBlock | DynamicBlock) -> tuple[int, int]:
    """Views and width of what a block gives."""
    if isinstance(block, StaticBlock):
        return tuple(block.filter.indices.shape)  # type: ignore[return-value]
    width = block.fusion.dense[-1].weight.shape[2] if block.fusion.dense else block.projection.width
    return block.projection.views, int(width)  # type: ignore[arg-type]
