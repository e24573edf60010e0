"""What each field is worth on rows that the model has not been trained on, measured while it trains."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tamis.batch import Batch, Output


@dataclass(frozen=True, kw_only=True)
class FieldWorth:
    """By how many nats a row the loss would rise if a field's values were those of other rows, with standard error.

    ``z`` is the worth over its error; of a field that tells nothing of the label it is a standard normal number.

    Example:
        >>> FieldWorth(name="hour", worth=0.003, error=0.001).z
        3.0
    """

    name: str
    worth: float
    error: float

    @property
    def z(self) -> float:
        """The worth in standard errors; 0 for a field that never changed."""
        return self.worth / self.error if self.error else 0.0


class WorthMeter:
    """Watch a model in its first pass over the rows, and say what each of its fields is worth.

    Training loss on rows seen before rewards memory: a field of noise looks as useful as one that tells something. On
    a row that is met for the first time it does not. So each batch is looked at *before* its update. In a copy of the
    batch, each field of each row is a mixture ``x' + s (x - x')`` of its own vector and another row's, with a share
    ``s`` drawn uniformly from 0 to 1. By the fundamental theorem of calculus the mean of ``-dL/ds`` over the shares is
    ``L(x') - L(x)``, what the loss would lose with the other row's value; one forward and one backward pass give it
    for all fields at once. The other fields are mixtures too, so that what two fields tell together counts in part.

    A field that is independent of the labels and of all other fields has a mean of exactly 0 in every batch, whatever
    the model has memorised. Its sum over its own root of squares is then asymptotically standard normal, although the
    model changes from batch to batch: the sums are martingale differences.

    The model is asked in evaluation mode: no dropout, and no running mean is moved. Its weights get no gradient.

    Source: permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019), on each row before it is learned
    (Dawid 1984, "prequential"), all fields at once by a path integral as in expected gradients (Erion et al. 2021,
    arXiv 1906.10670). Their combination is ours.

    ``embeddings`` are the modules of ``model`` that give one vector a field, ``(rows, fields, any width)``.

    Example:
        >>> class Sum(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.embed = nn.Identity()
        ...     def forward(self, batch):
        ...         return Output(logits=self.embed(batch.dense.unsqueeze(2))[:, :1, 0])  # of two fields, the first
        >>> x = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
        >>> batch = Batch(ids=torch.zeros(500, 0), dense=x, labels=(x[:, :1] > 0).float())
        >>> loss = lambda output, batch: nn.functional.binary_cross_entropy_with_logits(output.logits, batch.labels)
        >>> model = Sum()
        >>> meter = WorthMeter(model, [model.embed], names=("x", "y"), objective=loss)
        >>> for part in range(0, 500, 100):
        ...     meter.observe(batch[slice(part, part + 100)])
        >>> [round(field.z) for field in meter.result()]
        [2, 0]
    """

    def __init__(
        self,
        model: nn.Module,
        embeddings: Sequence[nn.Module],
        *,
        names: Sequence[str],
        objective: Callable[[Output, Batch], Tensor],
        seed: int = 0,
    ) -> None:
        self._model, self._embeddings, self._names, self._objective = model, embeddings, tuple(names), objective
        self._random = torch.Generator().manual_seed(seed)
        # In float64 and on the CPU: many small numbers of both signs.
        self._sum = torch.zeros(len(self._names), dtype=torch.float64)
        self._squares = torch.zeros_like(self._sum)
        self._rows = 0

    def observe(self, batch: Batch, autocast: Callable[[], AbstractContextManager[Any]] | None = None) -> None:
        """Look at rows that the model has not been trained on; a single row has no other to take values from."""
        rows = len(batch)
        if rows < 2:
            return
        device, size = batch.ids.device, (rows, len(self._names))
        shares = torch.rand(size, generator=self._random).to(device).requires_grad_()
        # Rows come in no order, so the row at some distance is any other one; each field has a distance of its own.
        distances = torch.randint(1, rows, size[1:], generator=self._random)
        others = ((torch.arange(rows)[:, None] + distances) % rows).to(device)
        is_training = self._model.training
        self._model.eval()
        try:
            with torch.enable_grad(), self._mixing(shares, others):
                if autocast is None:
                    output = self._model(batch)
                else:
                    with autocast():
                        output = self._model(batch)
                (slopes,) = torch.autograd.grad(self._objective(output, batch), shares)
        finally:
            self._model.train(is_training)
        # The objective is a mean over rows, so that its slopes add up to what the batch's rows gain on average.
        gained = -slopes.double().sum(dim=0).cpu() * rows
        self._sum += gained
        self._squares += gained.square()
        self._rows += rows

    def totals(self) -> Tensor:
        """What several meters of one pass add up to: sums, squares and the number of rows, in one vector."""
        return torch.cat([self._sum, self._squares, torch.tensor([float(self._rows)], dtype=torch.float64)])

    def result(self, totals: Tensor | None = None) -> tuple[FieldWorth, ...]:
        """Every field in order, from what this meter saw or from the added ``totals`` of several."""
        fields = len(self._names)
        sums, squares, (rows,) = (self.totals() if totals is None else totals).split([fields, fields, 1])
        count = max(1.0, float(rows))
        return tuple(
            FieldWorth(name=name, worth=total / count, error=math.sqrt(square) / count)
            for name, total, square in zip(self._names, sums.tolist(), squares.tolist(), strict=True)
        )

    @contextmanager
    def _mixing(self, shares: Tensor, others: Tensor) -> Iterator[None]:
        def mix(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            own = output.detach()
            other = own.gather(0, others.unsqueeze(2).expand_as(own))
            return other + shares.unsqueeze(2).to(own.dtype) * (own - other)

        handles = [embedding.register_forward_hook(mix) for embedding in self._embeddings]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
