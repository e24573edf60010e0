"""A plain multilayer perceptron."""

from collections.abc import Sequence

from torch import Tensor, nn

from tamis.layers.averaged_batch_norm import AveragedBatchNorm
from tamis.layers.dice import Dice
from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.recomputed import RecomputedStack


class MLP(RecomputedStack):
    """Hidden layers, each ``dropout(relu(W x + b))``; the output is the last hidden layer.

    With ``has_norm`` a batch normalisation stands before each activation, and with ``has_dice`` each activation is
    ``Dice``. Weights start Glorot-uniform and biases at
    zero, as Keras layers do.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, out_width)``, where ``out_width`` is the last of ``hidden``, or ``d_in`` if there
          is none

    Raises:
        ValueError: a width is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> import torch
        >>> MLP(d_in=3, hidden=(5, 4))(torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        *,
        d_in: int,
        hidden: Sequence[int],
        dropout: float = 0.0,
        has_norm: bool = False,
        has_dice: bool = False,
    ) -> None:
        super().__init__()
        if min(d_in, *hidden, 1) < 1:
            raise ValueError(f"MLP widths must be at least 1; got d_in={d_in} and hidden={tuple(hidden)}.")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"MLP dropout must be at least 0 and below 1; got {dropout}.")
        widths = [d_in, *hidden]
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:], strict=False))
        for linear, (fan_in, fan_out) in zip(self.linears, zip(widths, widths[1:], strict=False), strict=True):
            glorot_uniform_(linear.weight, fan_in=fan_in, fan_out=fan_out)  # type: ignore[arg-type]
            nn.init.zeros_(linear.bias)  # type: ignore[arg-type]
        self.norms = nn.ModuleList(AveragedBatchNorm(width) for width in hidden) if has_norm else None
        self.dices = nn.ModuleList(Dice(channels=width) for width in hidden) if has_dice else None
        self.dropout = Dropout(dropout)
        self.out_width = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Apply the hidden layers in order."""
        for part in self.parts_of(len(self.linears)):
            x = self.run_part(self._apply_layers, x, part)
        return x

    def project(self, x: Tensor) -> Tensor:
        """What is affine in ``x``: ``W x + b`` of the first layer, or ``x`` itself if there is none."""
        return self.linears[0](x) if self.linears else x

    def finish(self, projected: Tensor) -> Tensor:
        """What follows ``project``."""
        if not self.linears:
            return projected
        return self._apply_layers(self._activate(projected, 0), range(1, len(self.linears)))

    def _apply_layers(self, x: Tensor, part: range) -> Tensor:
        for number in part:
            x = self._activate(self.linears[number](x), number)
        return x

    def _activate(self, x: Tensor, number: int) -> Tensor:
        if self.norms is not None:
            x = self.norms[number](x)
        return self.dropout(x.relu_() if self.dices is None else self.dices[number](x))
