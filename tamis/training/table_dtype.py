"""In which numbers tables are stored while they are trained; what is computed with them is float32."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tamis.training.stochastic_rounding import StochasticRounding

TableDtype = Literal["fp32", "bf16"]
TABLE_DTYPES: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


@torch.no_grad()
def store_tables(model: nn.Module, name: TableDtype) -> None:
    """Keep every parameter marked ``row_sparse`` in this dtype; float64 tables are left alone by ``"fp32"``.

    A table that changes needs memory for both for a moment; born in its dtype it never does.

    Example:
        >>> table = nn.Embedding(3, 2, sparse=True)
        >>> table.weight.row_sparse = True
        >>> store_tables(table, "bf16")
        >>> table.weight.dtype, table.weight.requires_grad
        (torch.bfloat16, True)
    """
    for parameter in model.parameters():
        if not getattr(parameter, "row_sparse", False):
            continue
        if name == "bf16" or parameter.dtype == torch.bfloat16:
            parameter.data = parameter.data.to(TABLE_DTYPES[name])
            if hasattr(parameter, "grad_dtype"):
                parameter.grad_dtype = computed_dtype(parameter)


def computed_dtype(weight: Tensor) -> torch.dtype:
    """The dtype of a table's gradient, updates and optimizer state: float32 at least.

    Example:
        >>> computed_dtype(torch.zeros(1, dtype=torch.bfloat16)), computed_dtype(torch.zeros(1, dtype=torch.float64))
        (torch.float32, torch.float64)
    """
    return torch.promote_types(weight.dtype, torch.float32)


def read_rows(weight: Tensor, rows: Tensor) -> Tensor:
    """A copy of some rows to compute with."""
    return functional.embedding(rows, weight).to(computed_dtype(weight))


def write_rows(weight: Tensor, rows: Tensor, values: Tensor, rounding: StochasticRounding | None) -> None:
    """Put computed rows back; into a bfloat16 table by ``rounding``, or to the nearest if there is none."""
    if weight.dtype == torch.bfloat16:
        values = values.to(weight.dtype) if rounding is None else rounding(values)
    # Gather, change, copy back: on CPU several times faster than index_add_ into the large table.
    weight.index_copy_(0, rows, values)
