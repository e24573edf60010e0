"""Vectors of some fields, from tables of their own."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from tamis.batch import Batch
from tamis.embeddings.field_embedding import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Layout


class ChosenFields(nn.Module):
    """Embed the fields called ``names``, in the order of the layout, apart from all other vectors of a model.

    A list whose target is not among them is the plain mean, as if it had none. No context leaves them out: it need
    not be among them.

    Shape:
        - batch: ``rows`` rows, all fields
        - output: ``(rows, chosen fields, dim)``

    Raises:
        ConfigError: the layout has no field of that name, or no name is given.

    Example:
        >>> from tamis.features.layout import IdField
        >>> ids = (IdField(name="user", table="user"), IdField(name="item", table="item"))
        >>> context = ChosenFields(Layout(tables={"user": 9, "item": 5}, ids=ids), ("item",), dim=4)
        >>> context.embed.table.weight.shape
        torch.Size([5, 4])
        >>> context(Batch(ids=torch.tensor([[2, 3], [3, 4]]), dense=torch.empty(2, 0))).shape
        torch.Size([2, 1, 4])
    """

    def __init__(self, layout: Layout, names: Sequence[str], dim: int) -> None:
        super().__init__()
        for name in names:
            if name not in layout.field_names:
                raise ConfigError(
                    f"a context field must be one of the fields {', '.join(layout.field_names)}; got {name!r}."
                )
        chosen = replace(
            layout,
            ids=tuple(field for field in layout.ids if field.name in names),
            lists=tuple(
                field if field.target in names else replace(field, target=None)
                for field in layout.lists
                if field.name in names
            ),
            dense=tuple(field for field in layout.dense if field.name in names),
            context=None,
        )
        self.embed = FieldEmbedding(chosen, dim)
        self.lists = tuple(place for place, field in enumerate(layout.lists) if field.name in names)
        ids = [place for place, field in enumerate(layout.ids) if field.name in names]
        columns = [field.name for field in layout.dense for _ in range(field.width)]
        dense = [place for place, name in enumerate(columns) if name in names]
        self.register_buffer("ids", torch.tensor(ids, dtype=torch.long), persistent=False)
        self.register_buffer("dense", torch.tensor(dense, dtype=torch.long), persistent=False)

    ids: Tensor
    dense: Tensor

    def forward(self, batch: Batch) -> Tensor:
        """Embed the chosen fields of one batch."""
        lists = tuple(batch.lists[place] for place in self.lists)
        return self.embed(Batch(ids=batch.ids[:, self.ids], lists=lists, dense=batch.dense[:, self.dense]))
