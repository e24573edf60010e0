"""The tensors that cross rooms: a ``Batch`` goes into a model, an ``Output`` comes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of a log, encoded; born in ``data/batching`` and never changed.

    Shape:
        - ids: ``(rows, id fields)``, whole numbers; 0 is padding, 1 is unknown
        - lists: one ``(rows, longest list)`` tensor of ids a list field, padded with 0 at the end
        - dense: ``(rows, dense width)`` float32, all numeric and vector fields side by side
        - labels: ``(rows, tasks)`` float32, or None where the answer is not known
        - weights: ``(rows,)`` float32, or None where all rows count alike
        - groups: ``(rows,)`` int64, the raw key of GAUC, or None
        - scenarios: ``(rows,)`` int64 ids, or None
    """

    ids: Tensor
    lists: tuple[Tensor, ...] = ()
    dense: Tensor
    labels: Tensor | None = None
    weights: Tensor | None = None
    groups: Tensor | None = None
    scenarios: Tensor | None = None

    def __post_init__(self) -> None:
        rows = len(self.ids)
        for name, tensor in self._tensors():
            if len(tensor) != rows:
                raise ValueError(f"Batch.{name} must have {rows} rows like Batch.ids; got {len(tensor)}.")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | Tensor) -> "Batch":
        """The chosen rows, as a batch."""
        return self._map(lambda tensor: tensor[rows])

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Batch":
        """The same rows on another device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The same rows in page-locked memory, from which a GPU copies while it computes."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for part in fields(self):
            value = getattr(self, part.name)
            if part.name == "lists":
                yield from ((f"lists[{i}]", tensor) for i, tensor in enumerate(value))
            elif value is not None:
                yield part.name, value

    def _map(self, function) -> "Batch":  # noqa: ANN001
        changes = {
            part.name: function(getattr(self, part.name))
            for part in fields(self)
            if part.name != "lists" and getattr(self, part.name) is not None
        }
        return replace(self, lists=tuple(function(tensor) for tensor in self.lists), **changes)


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a model says of a batch.

    Shape:
        - logits: ``(rows, tasks)``
        - losses: named scalars the model adds to the objective, already scaled
    """

    logits: Tensor
    losses: dict[str, Tensor] = field(default_factory=dict)

    def probabilities(self) -> Tensor:
        """The chance of each label, ``(rows, tasks)`` in float32; no other place makes a probability."""
        return torch.sigmoid(self.logits.float())


class BatchSource(Protocol):
    """Where training and evaluation take their batches from.

    ``rows`` is the number of rows of the split; ``len(source)`` the number of batches of one epoch.
    """

    rows: int

    def __len__(self) -> int: ...

    def rows_of(self, step: int) -> int:
        """The rows of batch ``step`` over all processes together."""
        ...

    def epoch(self, number: int, *, start: int = 0, rank: int = 0, count: int = 1) -> Iterator[Batch]:
        """The batches of epoch ``number`` from batch ``start`` on; process ``rank`` of ``count`` gets its share.

        The order depends on nothing but the source's seed and ``number``. A source that does not shuffle gives the
        file's order every time.
        """
        ...
