"""Scores in two steps: what is affine in the field vectors, which parts of a row can share, and what follows."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from tamis.batch import Batch, Output


@runtime_checkable
class SplitModel(Protocol):
    """A model that can score parts of a row apart; it declares so by having these methods.

    Its ``forward`` in evaluation mode equals ``finish(project(field_vectors(batch)))``; the contract tests hold every
    registered model with these methods to that, and to what each of them promises.

    Shape:
        - field_vectors: ``(rows, fields, dim)``; the vector of a field depends on nothing but that field, that of a
          list with a target also on the target, and all of them on the context if the layout has one
        - project: tensors that begin with ``rows``, each affine in the vectors
        - finish: what follows, row by row; it may overwrite what it gets
    """

    def field_vectors(self, batch: Batch) -> Tensor:
        """One vector a field."""
        ...

    def project(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """The part that is affine in the vectors."""
        ...

    def finish(self, projected: tuple[Tensor, ...]) -> Output:
        """What follows ``project``."""
        ...


def field_share(model: SplitModel, batch: Batch, *, is_present: Tensor, with_constant: bool) -> tuple[Tensor, ...]:
    """What some fields contribute to ``project``; the shares of all fields, one with the constant, add up to it.

    An affine map has ``f(u + v) = f(u) + (f(v) - f(0))``: ``f(u)`` is a share with the constant, the rest one without.

    Shape:
        - batch: all fields; those that are not present hold anything valid
        - is_present: ``(fields,)`` of booleans
        - output: as ``project`` gives it

    Example:
        >>> from tamis.features.layout import IdField, Layout
        >>> from tamis.models import MLPConfig, MLPRanker
        >>> ids = (IdField(name="user", table="user"), IdField(name="item", table="item"))
        >>> model = MLPRanker(MLPConfig(hidden=(8,)), Layout(tables={"user": 9, "item": 9}, ids=ids)).eval()
        >>> row = Batch(ids=torch.tensor([[2, 3]]), dense=torch.empty(1, 0))
        >>> (user,) = field_share(model, row, is_present=torch.tensor([True, False]), with_constant=True)
        >>> (item,) = field_share(model, row, is_present=torch.tensor([False, True]), with_constant=False)
        >>> torch.allclose(model.finish((user + item,)).logits, model(row).logits, atol=1e-6)
        True
    """
    vectors = model.field_vectors(batch).masked_fill(~is_present.unsqueeze(1), 0.0)
    projected = model.project(vectors)
    if with_constant:
        return projected
    constant = model.project(torch.zeros_like(vectors[:1]))
    return tuple(whole - part for whole, part in zip(projected, constant, strict=True))
