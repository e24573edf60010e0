"""One packed table for all vocabularies of one vector size."""

from collections.abc import Mapping
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.embeddings.row_gather import as_computed, gather_rows
from tamis.embeddings.table_storage import fill_uniform_, is_hollow, new_table
from tamis.errors import ConfigError


class PackedTable(nn.Module):
    """The vectors of several tables in one parameter, one table below the other.

    While training, ``weight.grad`` is a coalesced sparse tensor of the batch's distinct rows;
    ``weight.row_sparse`` is True, by which training knows which optimizer steps it. Row 0 of every table is
    padding: zero, without a gradient. Known rows start uniform within ``init_bound`` (0.05 is Keras'
    embedding default, which the SSR code uses).

    Inside ``tables_stored`` the numbers may be bfloat16; they are looked up as float32, and the gradient is float32
    too (bfloat16 in a torch too old to know ``grad_dtype``).

    Shape:
        - rows: any shape, whole numbers; ids with their table's ``offset`` added
        - output: the shape of ``rows``, and ``dim``; float32 for bfloat16 tables

    Raises:
        ConfigError: there is no table, or a size or ``dim`` is below 1.

    Example:
        >>> table = PackedTable({"user": 4, "item": 3}, dim=2)
        >>> table.offsets
        {'user': 0, 'item': 4}
        >>> table(torch.tensor([0, 4])).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """

    def __init__(self, sizes: Mapping[str, int], dim: int, *, init_bound: float = 0.05) -> None:
        super().__init__()
        if not sizes or min(sizes.values()) < 1 or dim < 1:
            raise ConfigError(
                "PackedTable needs at least one table, and sizes and dim of at least 1; "
                f"got {dict(sizes)} and dim {dim}."
            )
        ends = list(accumulate(sizes.values()))
        self.offsets = dict(zip(sizes, [0, *ends[:-1]], strict=True))
        self.weight = nn.Parameter(new_table(ends[-1], dim))
        self.init_bound = init_bound
        self.register_buffer("padding_rows", torch.tensor(list(self.offsets.values())), persistent=False)
        self._prepare_weight()
        self.reset_parameters()

    padding_rows: Tensor

    def reset_parameters(self) -> None:
        """Draw new vectors; padding is zero."""
        with torch.no_grad():
            fill_uniform_(self.weight, self.init_bound)
            if not is_hollow(self.weight):
                self.weight[self.padding_rows] = 0.0

    def forward(self, rows: Tensor) -> Tensor:
        """Look the rows up."""
        if self.training and torch.is_grad_enabled():
            return gather_rows(self.weight, rows.flatten(), self.padding_rows).view(*rows.shape, -1)
        return as_computed(F.embedding(rows, self.weight))

    def extra_repr(self) -> str:
        """Sizes, for ``print``."""
        rows, dim = self.weight.shape
        return f"tables={len(self.offsets)}, rows={rows}, dim={dim}"

    def _prepare_weight(self) -> None:
        self.weight.row_sparse = True  # type: ignore[attr-defined]
        if self.weight.dtype == torch.bfloat16 and hasattr(self.weight, "grad_dtype"):
            self.weight.grad_dtype = torch.float32
        self.weight.register_post_accumulate_grad_hook(_confirm_coalesced)

    def __setstate__(self, state: dict) -> None:
        # Copies of a parameter lose its Python attributes and its hooks.
        super().__setstate__(state)
        self._prepare_weight()


def _confirm_coalesced(weight: Tensor) -> None:
    """Say again that the gradient is coalesced, if it is: autograd forgets that when it stores the gradient.

    Without this the optimizer would sort and add up (17 ms for 160,000 ids) what is in order already. After a
    second backward pass a row may stand twice; then nothing is said and the optimizer coalesces.
    """
    grad = weight.grad
    if grad is not None and grad.is_sparse and not grad.is_coalesced():
        rows = grad._indices()[0]
        if bool((rows[1:] > rows[:-1]).all()):
            grad._coalesced_(True)
