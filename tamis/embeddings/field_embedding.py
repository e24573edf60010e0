"""A batch as one vector a field."""

from typing import Literal

import torch
from torch import Tensor, nn

from tamis.batch import Batch
from tamis.embeddings.dense_vectors import DenseVectors
from tamis.embeddings.tables import PackedTable
from tamis.errors import ConfigError
from tamis.features.layout import PADDING, Layout
from tamis.layers import TargetAttention


class FieldEmbedding(nn.Module):
    """Embed every field, in the order of ``layout.field_names``.

    An id becomes its vector; a list the mean of the vectors of its ids, padding left out, and zero if it is
    empty; a dense field a linear map of its columns. With ``numbers="affine"`` that map has a constant and starts as
    a linear layer does; with ``"scaled"`` a number only scales a vector of its own, which starts like that of an id,
    as in factorization machines. A list with a target is summed up by target attention instead of its mean: each id
    counts as much as it is found to matter to the target's id, and the vector of the list depends on both fields.
    Where ``layout.context`` leaves a field out, its vector is zero, and learns nothing from the row.

    Shape:
        - batch: ``rows`` rows
        - output: ``(rows, fields, dim)``

    Raises:
        ConfigError: the layout has no feature field, or ``dim`` is below 1.

    Example:
        >>> from tamis.features.layout import IdField
        >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
        >>> embed = FieldEmbedding(layout, dim=4)
        >>> embed(Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))).shape
        torch.Size([2, 1, 4])
    """

    def __init__(
        self, layout: Layout, dim: int, *, init_bound: float = 0.05, numbers: Literal["affine", "scaled"] = "affine"
    ) -> None:
        super().__init__()
        if layout.num_fields < 1 or dim < 1:
            raise ConfigError(
                "a model needs at least one feature field and dim of at least 1; "
                f"got {layout.num_fields} fields and dim {dim}. Add a feature to the schema or set dim."
            )
        self.fields, self.dim = layout.num_fields, dim
        fields_with_ids = (*layout.ids, *layout.lists)
        used = {field.table for field in fields_with_ids}
        sizes = {name: size for name, size in layout.tables.items() if name in used}
        self.table = PackedTable(sizes, dim, init_bound=init_bound) if sizes else None
        offsets = [self.table.offsets[field.table] for field in fields_with_ids] if self.table else []
        self.list_offsets = tuple(offsets[len(layout.ids) :])
        id_offsets = torch.tensor(offsets[: len(layout.ids)], dtype=torch.long)
        self.register_buffer("id_offsets", id_offsets, persistent=False)
        columns = [field.name for field in layout.ids]
        self.targets = tuple(None if field.target is None else columns.index(field.target) for field in layout.lists)
        widths = [field.width for field in layout.dense]
        is_scaled = numbers == "scaled"
        self.dense = (
            DenseVectors(widths=widths, dim=dim, has_bias=not is_scaled, init_bound=init_bound if is_scaled else None)
            if widths
            else None
        )
        self.attention = nn.ModuleDict(
            {
                str(place): TargetAttention(dim=dim, length=field.max_length)
                for place, field in enumerate(layout.lists)
                if field.target is not None
            }
        )

        self.context = None if layout.context is None else columns.index(layout.context.field)
        # Not saved with the weights: the layout has it.
        self.register_buffer("counts", _counts(layout), persistent=False)

    id_offsets: Tensor
    counts: Tensor | None

    def forward(self, batch: Batch) -> Tensor:
        """Embed one batch."""
        parts = [] if self.table is None else self._table_vectors(batch, self.table)
        if self.dense is not None:
            parts.append(self.dense(batch.dense))
        vectors = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        if self.counts is None:
            return vectors
        return vectors * self.counts[batch.ids[:, self.context]].unsqueeze(2).to(vectors.dtype)

    def _table_vectors(self, batch: Batch, table: PackedTable) -> list[Tensor]:
        ids = batch.ids + self.id_offsets
        if not batch.lists:
            return [table(ids)]
        # One lookup for everything, so that the gradient of the table is made once and holds each row once.
        shifted = [ids, *(ids + offset for ids, offset in zip(batch.lists, self.list_offsets, strict=True))]
        parts = table(torch.cat(shifted, dim=1)).split([part.shape[1] for part in shifted], dim=1)
        pooled = [
            mean_of_known(vectors, ids) if target is None else self.attention[str(place)](vectors, parts[0][:, target])
            for place, (vectors, ids, target) in enumerate(zip(parts[1:], batch.lists, self.targets, strict=True))
        ]
        return [parts[0], torch.stack([vectors.to(parts[0].dtype) for vectors in pooled], dim=1)]


def _counts(layout: Layout) -> Tensor | None:
    """1 where a field counts in a context and 0 elsewhere, ``(ids of the context, fields)``; None without a context."""
    if layout.context is None:
        return None
    table = next(field.table for field in layout.ids if field.name == layout.context.field)
    counts = torch.ones(layout.tables[table], layout.num_fields)
    for name, ids in layout.context.left_out.items():
        counts[list(ids), layout.field_names.index(name)] = 0.0
    return counts


def mean_of_known(vectors: Tensor, ids: Tensor) -> Tensor:
    """The mean over a list, padding left out; zero for an empty list.

    Shape:
        - vectors: ``(rows, longest list, dim)``, zero where ``ids`` is padding
        - ids: ``(rows, longest list)``
        - output: ``(rows, dim)``
    """
    count = (ids != PADDING).sum(dim=1, keepdim=True).clamp_min(1)
    return vectors.sum(dim=1) / count
