"""A gate for every number of the input, computed from a context."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.mlp import MLP


class FeatureGate(nn.Module):
    """Factors between 0 and 2, around 1 at the start: ``2 sigmoid(W hidden(context) + b)``.

    Source: Mao et al. 2023, "FinalMLP", arXiv 2304.00902, stream-specific feature selection.

    Shape:
        - context: ``(rows, d_in)``, or one row for all
        - output: ``(rows, width)``

    Raises:
        ValueError: a width is below 1.

    Example:
        >>> FeatureGate(d_in=3, hidden=(4,), width=6)(torch.zeros(1, 3))
        tensor([[1., 1., 1., 1., 1., 1.]], grad_fn=<MulBackward0>)
    """

    def __init__(self, *, d_in: int, hidden: Sequence[int], width: int) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"FeatureGate width must be at least 1; got {width}.")
        self.hidden = MLP(d_in=d_in, hidden=hidden)
        self.linear = nn.Linear(self.hidden.out_width, width)
        glorot_uniform_(self.linear.weight, fan_in=self.hidden.out_width, fan_out=width)
        nn.init.zeros_(self.linear.bias)

    def forward(self, context: Tensor) -> Tensor:
        """Compute the factors."""
        return 2 * torch.sigmoid(self.linear(self.hidden(context)))
