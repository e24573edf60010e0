"""All pairs of vectors multiplied, in linear time."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PairInteraction(nn.Module):
    """The inner products of all pairs of a row's vectors, summed: ``sum_{i<j} <v_i, v_j>``, one score a task.

    It is half of ``total ** 2 - squares``, summed over the dimensions, where ``total`` is the sum of the vectors and
    ``squares`` that of their squares. With one task nothing is learned here; each of several tasks weighs the
    dimensions of the products, by weights that start at one (our extension, the papers have one task).

    Source: Rendle 2010, "Factorization machines", equation 1 and lemma 3.1.

    Shape:
        - total, squares: ``(rows, dim)``
        - output: ``(rows, tasks)``

    Raises:
        ValueError: ``dim`` or ``tasks`` is below 1.

    Example:
        >>> vectors = torch.tensor([[[1.0, 0.0], [2.0, 5.0], [3.0, 0.0]]])
        >>> PairInteraction(dim=2, tasks=1)(vectors.sum(dim=1), vectors.square().sum(dim=1))
        tensor([[11.]])
    """

    def __init__(self, *, dim: int, tasks: int) -> None:
        super().__init__()
        if min(dim, tasks) < 1:
            raise ValueError(f"PairInteraction dim and tasks must be at least 1; got {dim} and {tasks}.")
        self.weight = nn.Parameter(torch.ones(tasks, dim)) if tasks > 1 else None

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        return 0 if self.weight is None else 2 * self.weight.numel()

    def forward(self, total: Tensor, squares: Tensor) -> Tensor:
        """Score the pairs."""
        products = (total.square() - squares) / 2
        return products.sum(dim=1, keepdim=True) if self.weight is None else F.linear(products, self.weight)
