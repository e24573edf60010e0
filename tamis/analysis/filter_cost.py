"""What a filter costs or saves in milliseconds: zeros are no gain unless something skips them."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.analysis.timing import milliseconds
from tamis.batch import Batch
from tamis.layers import DynamicBlock, StaticBlock, StaticFilter, ViewDense, ViewFusion

Quartiles = dict[str, tuple[float, float, float]]


def model_cost(model: nn.Module, batch: Batch, *, seconds: float = 2.0) -> Quartiles:
    """Forward milliseconds of a model ``as_it_is`` and ``without_filter``; a model without filters has only the first.

    Without its filter a dynamic block fuses everything it projected, and a static block is the dense layer of the same
    output that it saves: every view multiplies all dimensions, with zeros for those that are not its own, which gives
    the same scores.
    """
    substitutes = filter_substitutes(model)

    def without_filter() -> None:
        with standing_in(model, substitutes):
            model(batch)

    calls: dict[str, Callable[[], object]] = {"as_it_is": lambda: model(batch)}
    if substitutes:
        calls["without_filter"] = without_filter
    with torch.inference_mode():
        return milliseconds(calls, seconds=seconds)


def block_costs(model: nn.Module, batch: Batch, *, seconds: float = 2.0) -> dict[str, Quartiles]:
    """Milliseconds of each block's first product behind its filter, done in different ways.

    Of a static block: ``gathered``, as it is done, and ``dense``, the same product with all dimensions. Of a dynamic
    block: ``dense``, as it is done, zeros and all; ``sparse``, the same with the non-zeros alone, if they lay ready in
    the sparse form (CSR); and ``conversion``, what it takes to bring them into that form.
    """
    blocks = {n: m for n, m in model.named_modules() if isinstance(m, StaticBlock | DynamicBlock) and m.fusion.dense}
    inputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: inputs.update({name: args[0]})

    hooks = [
        (block.filter if isinstance(block, StaticBlock) else block.fusion).register_forward_pre_hook(keep(name))
        for name, block in blocks.items()
    ]
    with torch.inference_mode():
        try:
            model(batch)
        finally:
            for hook in hooks:
                hook.remove()
        calls = {name: _product_calls(block, inputs[name]) for name, block in blocks.items()}
        return {name: milliseconds(own, seconds=seconds / len(calls)) for name, own in calls.items()}


def filter_substitutes(model: nn.Module) -> dict[str, nn.Module]:
    """By name, what stands in place of a model's filters where they are left out: see ``model_cost``.

    A static block whose fusion has no dense layer stays as it is: there is no product to make dense.
    """
    substitutes: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if isinstance(module, DynamicBlock):
            substitutes[f"{name}.filter"] = _AllPass()
        elif isinstance(module, StaticBlock) and module.fusion.dense:
            substitutes[name] = _DenseViews(module)
    return substitutes


@contextmanager
def standing_in(model: nn.Module, substitutes: Mapping[str, nn.Module]) -> Iterator[None]:
    """While inside, each of ``substitutes`` stands in place of the model's module of that name."""
    originals = {name: model.get_submodule(name) for name in substitutes}
    try:
        for name, module in substitutes.items():
            model.set_submodule(name, module)
        yield
    finally:
        for name, module in originals.items():
            model.set_submodule(name, module)


def dense_weight(sieve: StaticFilter, dense: ViewDense) -> Tensor:
    """The one matrix that does what a static filter and the layer behind it do: mostly zeros.

    Shape:
        - output: ``(views * width, d_in)``
    """
    weight = dense.weight.new_zeros(*dense.weight.shape[::2], sieve.d_in)
    places = sieve.indices.unsqueeze(1).expand(-1, dense.weight.shape[2], -1)
    # Added, because a view wider than its input takes a dimension twice.
    return weight.scatter_add_(2, places, dense.weight.detach().transpose(1, 2)).flatten(0, 1)


def as_sparse(x: Tensor) -> Tensor:
    """The non-zeros of all views as one block-diagonal CSR matrix.

    Shape:
        - x: ``(rows, views, width)``
        - output: ``(views * rows, views * width)``
    """
    by_view = x.transpose(0, 1)
    views, rows, width = by_view.shape
    is_kept = by_view != 0
    view, row, column = found = is_kept.nonzero(as_tuple=True)
    starts = torch.zeros(views * rows + 1, dtype=torch.long)
    torch.cumsum(is_kept.sum(2).flatten(), dim=0, out=starts[1:])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            starts, view * width + column, by_view[found], size=(views * rows, views * width), check_invariants=False
        )


def _product_calls(block: StaticBlock | DynamicBlock, x: Tensor) -> Mapping[str, Callable[[], object]]:
    dense = block.fusion.dense[0]
    assert isinstance(dense, ViewDense)
    if isinstance(block, StaticBlock):
        whole = dense_weight(block.filter, dense)
        return {"gathered": lambda: dense.product(block.filter(x)), "dense": lambda: F.linear(x, whole)}
    ready, stacked = as_sparse(x), dense.weight.flatten(0, 1)
    return {
        "dense": lambda: dense.product(x),
        "sparse": lambda: ready @ stacked,
        "conversion": lambda: as_sparse(x),
    }


class _AllPass(nn.Module):
    """In a dynamic filter's place: everything passes, on the values if there are any."""

    def forward(self, z: Tensor) -> Tensor:
        return z if z.dim() == 3 else z[:, 0] * z[:, 1]


class _DenseViews(nn.Module):
    """In a static block's place: the same output by a product with all dimensions."""

    def __init__(self, block: StaticBlock) -> None:
        super().__init__()
        dense = block.fusion.dense[0]
        assert isinstance(dense, ViewDense)
        self.filter, self.fusion = block.filter, block.fusion
        self.register_buffer("weight", dense_weight(block.filter, dense), persistent=False)

    weight: Tensor

    def forward(self, x: Tensor) -> Tensor:
        fusion: ViewFusion = self.fusion
        mixed = F.linear(x, self.weight).unflatten(1, (len(self.filter.indices), -1))
        return fusion.finish(mixed, self.filter(x)) if fusion.residual else fusion.finish(mixed)
