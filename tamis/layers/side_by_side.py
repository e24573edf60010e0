"""Networks of one shape side by side, each with weights of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack


class SideBySide(RecomputedStack):
    """Several networks of ReLU layers, ``dropout(relu(W x + b))``, each layer of all of them in one batched product.

    Weights start Glorot-uniform and biases at zero, network by network as in ``MLP``.

    Shape:
        - x: ``(rows, networks, d_in)``, to each network its own input
        - output: ``(rows, networks, out_width)``, where ``out_width`` is the last of ``hidden``, or ``d_in`` if there
          is none

    Raises:
        ValueError: a size is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> SideBySide(networks=3, d_in=4, hidden=(5, 2))(torch.ones(7, 3, 4)).shape
        torch.Size([7, 3, 2])
    """

    def __init__(self, *, networks: int, d_in: int, hidden: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        if min(networks, d_in, *hidden) < 1:
            raise ValueError(
                f"SideBySide networks, d_in and hidden must be at least 1; got {networks}, {d_in} and {tuple(hidden)}."
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"SideBySide dropout must be at least 0 and below 1; got {dropout}.")
        widths = [d_in, *hidden]
        pairs = list(zip(widths, widths[1:], strict=False))
        self.weights = nn.ParameterList(nn.Parameter(torch.empty(networks, i, o)) for i, o in pairs)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(networks, 1, o)) for _, o in pairs)
        for weight, (fan_in, fan_out) in zip(self.weights, pairs, strict=True):
            glorot_uniform_(weight, fan_in=fan_in, fan_out=fan_out)
        self.dropout = Dropout(dropout)
        self.out_width = widths[-1]

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        return sum(2 * weight.numel() for weight in self.weights)

    def forward(self, x: Tensor) -> Tensor:
        """Apply every network to its input."""
        x = x.transpose(0, 1)
        for part in self.parts_of(len(self.weights)):
            x = self.run_part(self._apply_layers, x, part)
        return x.transpose(0, 1)

    def _apply_layers(self, x: Tensor, part: range) -> Tensor:
        for number in part:
            x = self.dropout(torch.baddbmm(self.biases[number], x, self.weights[number]).relu_())
        return x
