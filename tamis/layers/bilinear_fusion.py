"""Two vectors fused into one score a task by products of their parts."""

import torch
from torch import Tensor, nn

from tamis.layers.initialisation import glorot_normal_, glorot_uniform_


class BilinearFusion(nn.Module):
    """A linear score of both vectors plus a bilinear one: ``b + w1 x + w2 y + sum_h x_h^T W_h y_h``.

    Both vectors are cut into ``heads`` parts, and part meets part of the same number only. Each task has its own
    weights.

    Source: Mao et al. 2023, "FinalMLP", arXiv 2304.00902, stream-level interaction aggregation.

    Shape:
        - x: ``(rows, x_width)``; y: ``(rows, y_width)``
        - output: ``(rows, tasks)``

    Raises:
        ValueError: a size is below 1, or ``heads`` does not divide both widths.

    Example:
        >>> BilinearFusion(x_width=4, y_width=6, heads=2, tasks=1)(torch.ones(5, 4), torch.ones(5, 6)).shape
        torch.Size([5, 1])
    """

    def __init__(self, *, x_width: int, y_width: int, heads: int, tasks: int) -> None:
        super().__init__()
        if min(x_width, y_width, heads, tasks) < 1:
            raise ValueError(
                "BilinearFusion x_width, y_width, heads and tasks must be at least 1; "
                f"got {x_width}, {y_width}, {heads} and {tasks}."
            )
        if x_width % heads or y_width % heads:
            raise ValueError(f"BilinearFusion heads must divide both widths, {x_width} and {y_width}; got {heads}.")
        self.heads, self.tasks = heads, tasks
        self.linear = nn.Linear(x_width + y_width, tasks)
        # Of each head the matrices of all tasks, side by side.
        self.weight = nn.Parameter(torch.empty(heads, x_width // heads, tasks * (y_width // heads)))
        glorot_uniform_(self.linear.weight, fan_in=x_width + y_width, fan_out=1)
        nn.init.zeros_(self.linear.bias)
        # The authors' code keeps these as one column of all heads for each task, and Glorot's rule counts that.
        glorot_normal_(self.weight, fan_in=tasks, fan_out=x_width * y_width // heads)

    def begin_at(self, logits: Tensor) -> None:
        """Add ``logits``, one a task, where nothing is added yet."""
        self.linear.bias.copy_(logits)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's products that are not those of a part."""
        return 2 * self.weight.numel()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Score every task."""
        x_parts, y_parts = (side.unflatten(1, (self.heads, -1)).transpose(0, 1) for side in (x, y))
        mixed = torch.bmm(x_parts, self.weight).unflatten(2, (self.tasks, -1))
        return self.linear(torch.cat([x, y], dim=1)) + (mixed * y_parts.unsqueeze(2)).sum(dim=(0, 3))
