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
    """How many numbers one row of ``batch`` meets, on average: every dense one, and the vectors of its own ids.

    A table is taken to be looked up once for every id of a row; padding of lists is not counted.

    Example:
        >>> batch = Batch(ids=torch.zeros(5, 0), dense=torch.zeros(5, 3))
        >>> active_parameters(nn.Linear(3, 2), batch)
        8
    """
    listed = sum(int((ids != 0).sum()) for ids in batch.lists) / len(batch)
    ids = batch.ids.shape[1] + listed
    tables = [p for p in model.parameters() if getattr(p, "row_sparse", False)]
    return count_parameters(model)["dense"] + round(sum(table.shape[-1] * ids for table in tables))


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
    was_training = model.training
    model.eval()
    # Without no_grad the graph of a whole batch would be kept, more than a step of training may need.
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(batch)
    model.train(was_training)
    return round(counter.get_total_flops() / len(batch))
