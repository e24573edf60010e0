"""Candidates of one request: items prepared once, and the fields that a request adds to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from tamis.config import suggest
from tamis.errors import DataError
from tamis.features import EncodedChunk, Schema


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Items that ``Scorer.prepare_candidates`` has encoded and sent through what the model does to them alone.

    They hold for the scorer that prepared them, and as long as its weights do not change. ``shares`` is what the
    items' fields contribute to the model's first products, or None where the model has no such part; then ``frame``
    keeps the rows, which are scored in full. ``unseen`` counts unseen values of each item, in the fields that have any.

    Shape:
        - shares: each begins with ``(items,)``
        - unseen: ``(items,)`` each
    """

    owner: object
    columns: tuple[str, ...]
    rows: int
    shares: tuple[Tensor, ...] | None
    frame: pl.DataFrame | None
    unseen: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return self.rows

    @property
    def num_bytes(self) -> int:
        """The memory that the shares take."""
        return sum(share.nbytes for share in self.shares or ())


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
