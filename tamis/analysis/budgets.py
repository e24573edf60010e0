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
