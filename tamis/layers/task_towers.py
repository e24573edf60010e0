"""From one vector a row to one logit a task."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.mlp import MLP


class TaskTowers(nn.Module):
    """One tower a task: hidden ReLU layers of its own, then a single logit.

    With no hidden layer all towers are one linear layer.

    Source: the heads of the SSR code (one linear layer for SSR-D, 64 hidden units for SSR-S) and of UniRank
    (128 and 64 hidden units for each task).

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, tasks)``

    Raises:
        ValueError: ``tasks`` or a width is below 1.

    Example:
        >>> TaskTowers(d_in=4, tasks=2, hidden=(3,))(torch.ones(5, 4)).shape
        torch.Size([5, 2])
    """

    def __init__(self, *, d_in: int, tasks: int, hidden: Sequence[int] = (), dropout: float = 0.0) -> None:
        super().__init__()
        if tasks < 1:
            raise ValueError(f"TaskTowers tasks must be at least 1; got {tasks}.")
        self.towers = nn.ModuleList(
            MLP(d_in=d_in, hidden=hidden, dropout=dropout) for _ in range(tasks if hidden else 0)
        )
        width = hidden[-1] if hidden else d_in
        self.scores = nn.ModuleList(nn.Linear(width, 1) for _ in range(len(self.towers)))
        if not hidden:
            self.scores.append(nn.Linear(width, tasks))
        for score in self.scores:
            glorot_uniform_(score.weight, fan_in=width, fan_out=1)  # type: ignore[arg-type]
            nn.init.zeros_(score.bias)  # type: ignore[arg-type]

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet."""
        for score, part in zip(self.scores, logits.split(self.scores[0].out_features), strict=True):  # type: ignore[arg-type]
            score.bias.copy_(part)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """Score every task."""
        if not self.towers:
            return self.scores[0](x)
        return torch.cat([score(tower(x)) for tower, score in zip(self.towers, self.scores, strict=True)], dim=1)
