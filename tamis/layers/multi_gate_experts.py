"""Experts that all tasks share, mixed for each task by a gate of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.side_by_side import SideBySide


class MultiGateExperts(nn.Module):
    """``sum_i softmax(G_k x)_i f_i(x)`` for each task ``k``, where every expert ``f_i`` is a network of ReLU layers.

    The first layers of all experts are one matrix product, each later layer one batched product.

    Source: Ma et al. 2018, "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
    KDD 2018, section 4.2.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, tasks, out_width)``, where ``out_width`` is the last of ``hidden``

    Raises:
        ValueError: a size is below 1, there is no hidden layer, or ``dropout`` is outside [0, 1).

    Example:
        >>> MultiGateExperts(d_in=4, experts=3, hidden=(5, 2), tasks=2)(torch.ones(7, 4)).shape
        torch.Size([7, 2, 2])
    """

    def __init__(self, *, d_in: int, experts: int, hidden: Sequence[int], tasks: int, dropout: float = 0.0) -> None:
        super().__init__()
        if not hidden or min(d_in, experts, tasks, *hidden) < 1:
            raise ValueError(
                "MultiGateExperts d_in, experts, tasks and at least one hidden width must be at least 1; "
                f"got {d_in}, {experts}, {tasks} and {tuple(hidden)}."
            )
        first, *others = hidden
        self.experts = experts
        self.first = nn.Linear(d_in, experts * first)
        self.gates = nn.Linear(d_in, tasks * experts, bias=False)
        glorot_uniform_(self.first.weight, fan_in=d_in, fan_out=first)
        nn.init.zeros_(self.first.bias)
        glorot_uniform_(self.gates.weight, fan_in=d_in, fan_out=experts)
        self.dropout = Dropout(dropout)
        self.others = SideBySide(networks=experts, d_in=first, hidden=others, dropout=dropout)
        self.out_width, self.tasks = hidden[-1], tasks

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's products that are not those of a part: the mixing."""
        return 2 * self.tasks * self.experts * self.out_width

    def forward(self, x: Tensor) -> Tensor:
        """Ask every expert and mix the answers for each task."""
        return self.finish(*self.project(x))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is affine in ``x``: the experts' first layers before their activation, and what the gates say."""
        return self.first(x), self.gates(x)

    def finish(self, first: Tensor, gates: Tensor) -> Tensor:
        """What follows ``project``."""
        answers = self.others(self.dropout(first.relu()).unflatten(1, (self.experts, -1)))
        shares = gates.unflatten(1, (self.tasks, self.experts)).softmax(dim=2)
        return torch.bmm(shares.to(answers.dtype), answers)
