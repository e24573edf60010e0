"""Candidates of one request: items prepared once, and the fields that a request adds to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from tamis.batch import Batch
from tamis.config import suggest
from tamis.data.batching import read_partial
from tamis.data.row_block import RowBlock
from tamis.errors import DataError
from tamis.features import EncodedChunk, Layout, Schema


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Items that ``Scorer.prepare_candidates`` has encoded and sent through what the model does to them alone.

    They hold for the scorer that prepared them, and as long as its weights do not change. ``shares`` is what the
    items' fields contribute to the model's first products, or None where the model has no such part; then ``frame``
    keeps the rows, which are scored in full. ``pairs`` are the encoded items where a list is attended from a field of
    the other side, the user's history from an item for instance: that list belongs to no side and is computed for each
    candidate. ``unseen`` counts unseen values of each item, in the fields that have any.

    Shape:
        - shares: each begins with ``(items,)``
        - unseen: ``(items,)`` each
    """

    owner: object
    columns: tuple[str, ...]
    rows: int
    shares: tuple[Tensor, ...] | None
    frame: pl.DataFrame | None
    pairs: RowBlock | None = None
    unseen: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return self.rows

    @property
    def num_bytes(self) -> int:
        """The memory that the shares take, and the encoded items where they are needed."""
        return sum(share.nbytes for share in self.shares or ()) + (0 if self.pairs is None else self.pairs.num_bytes)


def one_row(request: Mapping[str, Any]) -> pl.DataFrame:
    """The values of a request as a frame of one row.

    Example:
        >>> one_row({"user": "u7", "history": ["i1", "i2"]}).shape
        (1, 2)
    """
    return pl.DataFrame([pl.Series(column, [value]) for column, value in request.items()])


def features_in(schema: Schema, columns: Sequence[str]) -> tuple[str, ...]:
    """The names of the features that read one of ``columns``."""
    return tuple(field.name for field in schema.features if field.source in columns)


def check_columns(schema: Schema, columns: Sequence[str], *, what: str) -> None:
    """Refuse a column that no field of the schema reads: a misspelt one would be ignored.

    Raises:
        DataError: there is such a column.
    """
    known = {field.source for field in schema.fields}
    for column in columns:
        if column not in known:
            hint = suggest(column, schema.feature_columns)
            near = f"{hint} Or leave" if hint.startswith("Did") else "Leave"
            raise DataError(f"the {what} a column that no field of the schema reads: {column!r}. {near} it out.")


def check_parts(schema: Schema, request: Collection[str], candidates: Collection[str]) -> None:
    """Check that every column a feature reads comes from one side.

    Raises:
        DataError: a column comes from neither side, or from both.
    """
    for column in schema.feature_columns:
        if column in request and column in candidates:
            raise DataError(
                f"column {column!r} is in the request and in the candidates. Leave it out of one: the request's "
                "columns hold for all candidates."
            )
        if column not in request and column not in candidates:
            raise DataError(
                f"column {column!r} is neither in the request ({_listed(request)}) nor in the candidates "
                f"({_listed(candidates)}). Add it to one; a value that is not known may be None."
            )


def check_rows(rows: Sequence[int] | np.ndarray | None, count: int) -> np.ndarray | None:
    """The chosen rows as positions, None for all.

    Raises:
        DataError: a row is no whole number, or outside the candidates.
    """
    if rows is None:
        return None
    positions = np.asarray(rows)
    if not positions.size:
        return np.zeros(0, dtype=np.int64)
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        raise DataError(
            f"rows must be a list of whole numbers; got {positions.ndim} dimensions of {positions.dtype}. "
            "To choose by a mask, give np.flatnonzero(mask)."
        )
    for position in (positions.min(), positions.max()):
        if not 0 <= position < count:
            raise DataError(f"rows must be from 0 to {count - 1}, the last of the candidates; got {position}.")
    return positions.astype(np.int64)


def whole_rows(request: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Each item with the request's columns beside its own, for models that score whole rows only."""
    if not request.columns:
        return items
    repeated = request[np.zeros(len(items), dtype=np.int64)]
    return pl.concat([repeated, items.drop(request.columns, strict=False)], how="horizontal")


def present(names: Sequence[str], chosen: Collection[str], device: torch.device) -> Tensor:
    """Which of all fields are the chosen ones, ``(fields,)`` of booleans."""
    return torch.tensor([name in chosen for name in names], device=device)


def crossing(layout: Layout, names: Collection[str]) -> tuple[str, ...]:
    """The lists that are attended across: of list and target the fields ``names`` hold one and not the other."""
    return tuple(field.name for field in layout.attended if (field.name in names) != (field.target in names))


def crossing_part(chunk: EncodedChunk, layout: Layout, names: Collection[str]) -> RowBlock | None:
    """Of a chunk with the fields ``names``, what lists that are attended across need: themselves, or their targets."""
    crossed = [field for field in layout.attended if field.name in crossing(layout, names)]
    if not crossed:
        return None
    wanted = {name for field in crossed for name in (field.name, field.target)} & set(names)
    part = replace(
        chunk,
        ids={name: ids for name, ids in chunk.ids.items() if name in wanted},
        lists={name: ids for name, ids in chunk.lists.items() if name in wanted},
        dense={},
    )
    block = read_partial(part, layout)
    # Nobody reads the numbers of such a part, and for many items they would be many zeros.
    return replace(block, dense=block.dense[:, :0])


def paired(request: Batch, items: Batch, *, dense_width: int) -> Batch:
    """Each item with the request beside it: of both, what ``crossing_part`` took; all other fields are padding.

    Shape:
        - request: one row; items, output: ``rows`` rows
    """

    def together(one: Tensor, other: Tensor) -> Tensor:
        """A field stands on one side and is padding, which is zero, on the other."""
        width = max(one.shape[1], other.shape[1])
        return F.pad(one, (0, width - one.shape[1])) + F.pad(other, (0, width - other.shape[1]))

    return Batch(
        ids=items.ids + request.ids,
        lists=tuple(map(together, items.lists, request.lists)),
        dense=items.dense.new_zeros(len(items), dense_width),
    )


def unseen_of(chunks: Sequence[EncodedChunk]) -> dict[str, np.ndarray]:
    """The unseen values of every row of several chunks, for the fields that have any."""
    names = sorted({name for chunk in chunks for name in chunk.unseen_in_rows})
    return {
        name: np.concatenate(
            [chunk.unseen_in_rows.get(name, np.zeros(chunk.rows, dtype=np.int64)) for chunk in chunks]
        ).astype(np.int64)
        for name in names
    }


def _listed(columns: Collection[str]) -> str:
    return ", ".join(columns) if columns else "no column"
