"""How the numbers of new tables are kept: their dtype, or not at all where only shapes matter."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor

_CHUNK_NUMBERS = 2**20


@dataclass(frozen=True, kw_only=True)
class TableStorage:
    """``dtype`` of the stored numbers; a ``is_hollow`` table has every row in the memory of one."""

    dtype: torch.dtype = torch.float32
    is_hollow: bool = False


_STORAGE: ContextVar[TableStorage | None] = ContextVar("table_storage", default=None)


@contextmanager
def tables_stored(*, dtype: torch.dtype = torch.float32, is_hollow: bool = False) -> Iterator[None]:
    """While inside, tables are born like this, so that nothing larger ever exists.

    A hollow table has the shape, the gradient and the lookups of a full one, all its rows are zero and share one
    row's memory: enough to measure what a step of training needs.

    Example:
        >>> with tables_stored(dtype=torch.bfloat16):
        ...     new_table(1000, 16).untyped_storage().nbytes()
        32000
        >>> with tables_stored(is_hollow=True):
        ...     new_table(10**9, 16).untyped_storage().nbytes()
        64
    """
    token = _STORAGE.set(TableStorage(dtype=dtype, is_hollow=is_hollow))
    try:
        yield
    finally:
        _STORAGE.reset(token)


def new_table(rows: int, dim: int) -> Tensor:
    """Memory for a table, as ``tables_stored`` says; outside of it in torch's default dtype.

    Shape:
        - output: ``(rows, dim)``, its numbers still to be drawn
    """
    storage = _STORAGE.get() or TableStorage(dtype=torch.get_default_dtype())
    if storage.is_hollow:
        return torch.zeros(1, dim, dtype=storage.dtype).expand(rows, dim)
    return torch.empty(rows, dim, dtype=storage.dtype)


def is_hollow(table: Tensor) -> bool:
    """Whether all rows share one row's memory."""
    return table.stride(0) == 0


@torch.no_grad()
def fill_uniform_(table: Tensor, bound: float) -> None:
    """Draw every number of ``table`` within ``bound``: the float32 draws of the same seed, rounded to its dtype.

    Example:
        >>> full, half = torch.empty(5, 3), torch.empty(5, 3, dtype=torch.bfloat16)
        >>> for table in (full, half):
        ...     _ = torch.manual_seed(0)
        ...     fill_uniform_(table, 0.05)
        >>> torch.equal(full.bfloat16(), half)
        True
    """
    if is_hollow(table):
        return
    if table.dtype != torch.bfloat16:
        table.uniform_(-bound, bound)
        return
    # A piece at a time, because a float32 copy of the whole table is what bfloat16 is there to avoid.
    for piece in table.split(max(1, _CHUNK_NUMBERS // table.shape[1])):
        piece.copy_(torch.empty(piece.shape, device=piece.device).uniform_(-bound, bound))
