"""Watching the filters and the hidden layers of a model while it scores rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tamis.analysis import ViewCounts
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
        if isinstance(block, StaticBlock) or isinstance(block.filter, CompetitiveFilter):
            found.append(FilterBlock(name=name, block=block, d_in=d_in, groups=groups, reads_fields=reads_fields))
        before = _output(block)
    return found


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


class Watch:
    """Counts what dynamic filters and hidden ReLU layers leave at zero in every row that the model scores.

    ``filters`` and ``relu_layers`` hold the counts by name.
    """

    def __init__(self, model: nn.Module, blocks: list[FilterBlock]) -> None:
        self._model = model
        self.filters = {
            place.name: ViewCounts(
                alpha=competition_of(place.block).alpha.detach(),
                width=place.block.projection.width,
                weight=None if place.groups is None else _competing_weight(place.block),
                groups=place.groups or 0,
            )
            for place in blocks
            if isinstance(place.block, DynamicBlock)
        }
        self._before_relu = {
            f"{name}.linears.{number}": f"{name}.{'linears' if module.norms is None else 'norms'}.{number}"
            for name, module in model.named_modules()
            if isinstance(module, MLP) and module.dices is None
            for number in range(len(module.linears))
        }
        self.relu_layers = {
            name: ViewCounts(alpha=torch.empty(1, 0), width=model.get_submodule(name).get_parameter("bias").numel())
            for name in self._before_relu
        }

    @contextmanager
    def counting(self) -> Iterator[None]:
        """While inside, every row that the model scores is counted."""
        inputs: dict[str, Tensor] = {}
        hooks = [
            *(
                self._model.get_submodule(name).register_forward_pre_hook(_keep_input(inputs, name))
                for name in self.filters
            ),
            *(
                self._model.get_submodule(f"{name}.filter").register_forward_pre_hook(
                    _add_competing(counts, inputs, name)
                )
                for name, counts in self.filters.items()
            ),
            *(
                self._model.get_submodule(self._before_relu[name]).register_forward_hook(_add_hidden(counts))
                for name, counts in self.relu_layers.items()
            ),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _competing_weight(block: DynamicBlock) -> Tensor:
    """What projects the input into what competes; a gate's values have weights behind it."""
    projection = block.projection
    competing = projection.weight.detach()[: projection.views * projection.width]
    return competing.unflatten(0, (projection.views, projection.width))


def _keep_input(inputs: dict[str, Tensor], name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    return lambda _, args: inputs.update({name: args[0]})


def _add_competing(
    counts: ViewCounts, inputs: dict[str, Tensor], name: str
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def add(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        counts.add(args[0] if args[0].dim() == 3 else args[0][:, 0], inputs[name])

    return add


def _add_hidden(counts: ViewCounts) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    # What comes last before ReLU, the layer or its norm; it is cut at zero in place right after this.
    def add(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        counts.add(output.unsqueeze(1))

    return add


def competition_of(block: DynamicBlock) -> CompetitiveFilter:
    """The filter of a block that ``filter_blocks`` has found."""
    assert isinstance(block.filter, CompetitiveFilter)
    return block.filter


def _output(block: StaticBlock | DynamicBlock) -> tuple[int, int]:
    """Views and width of what a block gives."""
    if isinstance(block, StaticBlock):
        return tuple(block.filter.indices.shape)  # type: ignore[return-value]
    dense = block.fusion.dense
    width = dense[-1].get_parameter("weight").shape[2] if dense else block.projection.width
    return block.projection.views, width
