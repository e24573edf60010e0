"""What a model costs: parameters, told apart by kind, and floating-point operations of one row."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tamis.batch import Batch


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Count the numbers a model learns: ``embedding`` (the tables of ids) and ``dense`` (everything else).

    Example:
        >>> count_parameters(nn.Linear(3, 2))
        {'dense': 8, 'embedding': 0}
    """
    counts = {"dense": 0, "embedding": 0}
    for parameter in model.parameters():
        counts["embedding" if getattr(parameter, "row_sparse", False) else "dense"] += parameter.numel()
    return counts


def active_parameters(model: nn.Module, batch: Batch) -> int:
    """How many numbers one row of ``batch`` meets, on average: every dense one, and the vectors that it looks up.

    Look-ups are counted in one forward pass, because not every table is asked for every id; padding is not counted.

    Example:
        >>> from tamis.embeddings import FieldEmbedding
        >>> from tamis.features.layout import IdField, Layout
        >>> embed = FieldEmbedding(Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),)), dim=4)
        >>> active_parameters(embed, Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0)))
        4
    """
    looked_up = 0

    def watch(table: nn.Module, args: tuple) -> None:
        nonlocal looked_up
        is_known = torch.isin(args[0], table.get_buffer("padding_rows"), invert=True)
        looked_up += int(is_known.sum()) * table.get_parameter("weight").shape[-1]

    tables = [part for part in model.modules() if getattr(getattr(part, "weight", None), "row_sparse", False)]
    hooks = [table.register_forward_pre_hook(watch) for table in tables]
    try:
        _forward(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return count_parameters(model)["dense"] + round(looked_up / len(batch))


def closed_flops_per_row(model: nn.Module) -> int:
    """The operations that ``forward_flops_per_row`` counts while they happen, from the sizes of the layers alone.

    A linear layer of ``k`` inputs and ``m`` outputs is ``2 k m``; a module with products of another kind says how many,
    by a property ``flops_per_row``, and those of its parts come on top. Each linear layer is taken to run once a row,
    also one whose result is the same for all rows of a batch.

    Example:
        >>> closed_flops_per_row(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)))
        16
    """
    own = 2 * model.weight.numel() if isinstance(model, nn.Linear) else getattr(model, "flops_per_row", 0)
    return own + sum(closed_flops_per_row(part) for part in model.children())


def forward_flops_per_row(model: nn.Module, batch: Batch) -> int:
    """Count the multiplications and additions of matrix products in one forward pass, for each row of ``batch``.

    PyTorch's own counter does the counting: a product of ``(n, k)`` and ``(k, m)`` is ``2 n k m`` operations.
    Element-wise work and table look-ups are not counted.
    """
    with FlopCounterMode(display=False) as counter:
        _forward(model, batch)
    return round(counter.get_total_flops() / len(batch))


def _forward(model: nn.Module, batch: Batch) -> None:
    """One forward pass as in evaluation, for who watches it."""
    was_training = model.training
    model.eval()
    # Without no_grad the graph of a whole batch would be kept, more than a step of training may need.
    with torch.no_grad():
        model(batch)
    model.train(was_training)
