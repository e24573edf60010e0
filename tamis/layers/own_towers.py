"""From one vector a task to one logit a task."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.side_by_side import SideBySide


class OwnTowers(nn.Module):
    """One tower a task, as in ``TaskTowers``, but each task brings an input of its own; all in batched products.

    Source: Ma et al. 2018, "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
    KDD 2018, section 4.2.

    Shape:
        - x: ``(rows, tasks, d_in)``
        - output: ``(rows, tasks)``

    Raises:
        ValueError: a size is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> OwnTowers(d_in=4, tasks=2, hidden=(3,))(torch.ones(5, 2, 4)).shape
        torch.Size([5, 2])
    """

    def __init__(self, *, d_in: int, tasks: int, hidden: Sequence[int] = (), dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = SideBySide(networks=tasks, d_in=d_in, hidden=hidden, dropout=dropout)
        self.weight = nn.Parameter(torch.empty(tasks, self.hidden.out_width))
        self.bias = nn.Parameter(torch.zeros(tasks))
        glorot_uniform_(self.weight, fan_in=self.hidden.out_width, fan_out=1)

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet."""
        self.bias.copy_(logits)

    def forward(self, x: Tensor) -> Tensor:
        """Score every task."""
        return (self.hidden(x) * self.weight).sum(dim=2) + self.bias
