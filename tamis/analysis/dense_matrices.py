"""Every weight matrix of a model's dense layers, in one shape, and which of them read the fields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from tamis.batch import Batch
from tamis.layers import CrossLayer, CrossNetwork, StaticBlock, ViewDense, ViewProjection


@dataclass(frozen=True, kw_only=True)
class DenseMatrix:
    """The weights of one dense layer: ``blocks`` matrices that read different inputs and write different outputs.

    A plain layer is one block; the layer that fuses views has one for each view. The inputs of the blocks lie side by
    side. ``places`` says which number of the filtered vector each of them is, where a static filter chose them.

    Shape:
        - weight: ``(blocks, outputs, inputs)``
        - places: ``(blocks * inputs,)``, or None where input ``i`` is number ``i``
    """

    name: str
    weight: Tensor
    places: Tensor | None = None
    num_places: int = 0

    def mass(self, *, power: int = 1) -> Tensor:
        """The weight mass of each input dimension: the sum over its weights of ``|w| ** power``.

        Shape:
            - output: float64, one number an input dimension of all blocks together, or of the vector they were chosen
              from; 0 for a dimension that a static filter gives to no view
        """
        mass = self.weight.detach().double().abs().pow(power).sum(dim=1).flatten()
        if self.places is None:
            return mass
        return mass.new_zeros(self.num_places).index_add_(0, self.places, mass)


def dense_matrices(model: nn.Module) -> Iterator[DenseMatrix]:
    """The weight matrices of all dense layers, in the model's order; embedding tables are none.

    The projections of SSR-D are two matrices where they have values: what competes, and the values.

    Example:
        >>> [(matrix.name, tuple(matrix.weight.shape)) for matrix in dense_matrices(nn.Sequential(nn.Linear(3, 2)))]
        [('0', (1, 2, 3))]
    """
    chosen = {id(block.fusion.dense[0]): block for block in _static_blocks(model) if block.fusion.dense}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            yield DenseMatrix(name=name, weight=module.weight.unsqueeze(0))
        elif isinstance(module, ViewProjection):
            parts = module.weight.chunk(2) if module.has_values else (module.weight,)
            for part, what in zip(parts, ("", " (values)"), strict=False):
                yield DenseMatrix(name=name + what, weight=part.unsqueeze(0))
        elif isinstance(module, ViewDense):
            weight, block = module.weight.transpose(1, 2), chosen.get(id(module))
            if block is None:
                yield DenseMatrix(name=name, weight=weight)
            else:
                places = block.filter.indices.flatten()
                yield DenseMatrix(name=name, weight=weight, places=places, num_places=block.filter.d_in)


def unknown_products(model: nn.Module) -> tuple[str, ...]:
    """The layers that say they multiply (``flops_per_row``) but whose weights ``dense_matrices`` does not know.

    Example:
        >>> unknown_products(nn.Linear(3, 2))
        ()
    """
    return tuple(
        name
        for name, module in model.named_modules()
        if hasattr(module, "flops_per_row") and not isinstance(module, ViewProjection | ViewDense)
    )


def field_readers(model: nn.Module, batch: Batch, x: Tensor) -> set[str]:
    """The names of the matrices that multiply ``x``, the field vectors side by side; found by watching one forward.

    Shape:
        - x: ``(rows, fields * dim)``, what the model makes of ``batch``
    """
    given: set[str] = set()

    def watch(name: str) -> Callable[[nn.Module, tuple], None]:
        def look(_: nn.Module, args: tuple) -> None:
            if args and isinstance(args[0], Tensor) and args[0].shape == x.shape and bool((args[0] == x).all()):
                given.add(name)

        return look

    modules = dict(model.named_modules())
    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in modules.items()]
    try:
        model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    inside = {reader for name in given for reader in _first_products(name, modules[name])}
    return {matrix.name for matrix in dense_matrices(model) if matrix.name.removesuffix(" (values)") in given | inside}


def _first_products(name: str, module: nn.Module) -> Iterator[str]:
    """The layers inside a module that multiply what it is given, where they are not called as modules."""
    if isinstance(module, CrossNetwork) and isinstance(first := module[0], CrossLayer):
        yield f"{name}.0.{'linear' if first.reduce is None else 'reduce'}"
    if isinstance(module, StaticBlock):
        yield f"{name}.fusion.dense.0"


def _static_blocks(model: nn.Module) -> Iterator[StaticBlock]:
    return (module for module in model.modules() if isinstance(module, StaticBlock))
