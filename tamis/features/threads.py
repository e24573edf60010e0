"""Work on several columns at once: Polars and NumPy let go of Python's lock while they compute."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW_ROWS = 16_384


def map_columns(function: Callable[[Item], Result], items: Iterable[Item], *, rows: int) -> list[Result]:
    """``function`` of each item, in order; in threads where ``rows`` are worth it."""
    workers = pl.thread_pool_size()
    if rows < _FEW_ROWS or workers == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(function, items))
