"""Watching the filters and the hidden layers of a model while it scores rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import Tensor, nn

from tamis.analysis import ViewCounts, group_shares
from tamis.batch import Batch
from tamis.layers import MLP, CompetitiveFilter, DynamicBlock, StaticBlock


@dataclass(frozen=True, kw_only=True)
class FilterBlock:
    """One block of SSR by its name in the model; ``groups`` equal parts of its input are fields, or views before."""

    name: str
    block: StaticBlock | DynamicBlock
    d_in: int
    groups: int | None
    reads_fields: bool


def filter_blocks(model: nn.Module, *, num_fields: int, flat_width: int | None) -> list[FilterBlock]:
    """The blocks in order whose filter is looked at: static ones, and dynamic ones that iterate.

    What the first block reads are the fields, if it is as wide as they are together.
    """
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
        if isinstance(block, StaticBlock) or is_iterative(block.filter):
            found.append(FilterBlock(name=name, block=block, d_in=d_in, groups=groups, reads_fields=reads_fields))
        before = _output(block)
    return found


def is_iterative(sieve: nn.Module) -> TypeGuard[CompetitiveFilter]:
    """Whether a dynamic filter takes steps, each of which can be counted."""
    return isinstance(sieve, CompetitiveFilter) and sieve.kind == "iterative"


def typical_sizes(x: Tensor) -> Tensor:
    """The root mean square of each number over the rows.

    Shape:
        - x: ``(rows, width)``
        - output: ``(width,)``

    Example:
        >>> typical_sizes(torch.tensor([[2.0, 1.0], [-2.0, 1.0]])).tolist()
        [2.0, 1.0]
    """
    return x.square().mean(0).sqrt()


def projected_groups(place: FilterBlock, sizes: Tensor) -> Tensor | None:
    """To which groups of the input each dimension of a dynamic block's views belongs: weight mass by typical size.

    It is an attribution: a projected dimension mixes all of them. Mass alone would say little, because weights that
    hardly moved have it everywhere; what a field's numbers are multiplied with counts as much as how large they are.

    Shape:
        - sizes: ``(d_in,)``, how large the numbers of the input typically are
        - output: ``(views, width, groups)``, or None where the input has no groups
    """
    if place.groups is None or isinstance(place.block, StaticBlock):
        return None
    projection = place.block.projection
    competing = projection.weight.detach()[: projection.views * projection.width].abs() * sizes
    return group_shares(competing, place.groups).unflatten(0, (projection.views, projection.width))


class Watch:
    """Counts what dynamic filters and hidden ReLU layers leave at zero in every row that the model scores.

    ``filters`` and ``relu_layers`` hold the counts by name. The rows of ``first`` say how large the inputs of the
    blocks typically are; they are counted only when they are scored.
    """

    def __init__(self, model: nn.Module, blocks: list[FilterBlock], first: Batch) -> None:
        self._model = model
        sizes = _input_sizes(model, [place.name for place in blocks], first)
        self.filters = {
            place.name: ViewCounts(
                alpha=competition_of(place.block).alpha.detach(),
                width=place.block.projection.width,
                group_shares=projected_groups(place, sizes[place.name]),
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


def _input_sizes(model: nn.Module, names: list[str], batch: Batch) -> dict[str, Tensor]:
    sizes: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: sizes.update({name: typical_sizes(args[0])})

    hooks = [model.get_submodule(name).register_forward_pre_hook(keep(name)) for name in names]
    try:
        model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return sizes


def _add_competing(counts: ViewCounts) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def add(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        counts.add(args[0] if args[0].dim() == 3 else args[0][:, 0])

    return add


def _add_hidden(counts: ViewCounts) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    # The layer cuts at zero in place right after this.
    def add(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        counts.add(output.unsqueeze(1))

    return add


def competition_of(block: DynamicBlock) -> CompetitiveFilter:
    """The filter of a block that ``filter_blocks`` has found."""
    assert is_iterative(block.filter)
    return block.filter


def _output(block: StaticBlock | DynamicBlock) -> tuple[int, int]:
    """Views and width of what a block gives."""
    if isinstance(block, StaticBlock):
        return tuple(block.filter.indices.shape)  # type: ignore[return-value]
    dense = block.fusion.dense
    width = dense[-1].get_parameter("weight").shape[2] if dense else block.projection.width
    return block.projection.views, width
