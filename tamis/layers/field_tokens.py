"""The concatenated fields, cut into tokens of one width."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.initialisation import glorot_uniform_


class FieldTokens(nn.Module):
    """Equal parts of the input, each through a linear map of its own: ``x_i = W_i e[d (i - 1) : d i] + b_i``.

    Where ``tokens`` does not divide ``d_in``, some parts are one number longer than the others, which then have a zero
    at their end (our choice; the paper has equal parts).

    Source: Zhu et al. 2025, "RankMixer", arXiv 2507.15551, equation 2.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, tokens, width)``

    Raises:
        ValueError: a size is below 1, or there are more tokens than numbers.

    Example:
        >>> FieldTokens(d_in=7, tokens=3, width=4)(torch.ones(5, 7)).shape
        torch.Size([5, 3, 4])
    """

    def __init__(self, *, d_in: int, tokens: int, width: int) -> None:
        super().__init__()
        if min(d_in, tokens, width) < 1:
            raise ValueError(
                f"FieldTokens d_in, tokens and width must be at least 1; got {d_in}, {tokens} and {width}."
            )
        if tokens > d_in:
            raise ValueError(f"FieldTokens tokens must be at most d_in, {d_in}; got {tokens}.")
        longest = -(-d_in // tokens)
        self.weight = nn.Parameter(torch.empty(tokens, longest, width))
        self.bias = nn.Parameter(torch.zeros(tokens, width))
        glorot_uniform_(self.weight, fan_in=longest, fan_out=width)
        bounds = [d_in * i // tokens for i in range(tokens + 1)]
        # Place d_in is a zero behind the input.
        parts = [
            [*range(start, end), *[d_in] * (longest - (end - start))]
            for start, end in zip(bounds, bounds[1:], strict=False)
        ]
        self.is_even = d_in % tokens == 0
        self.register_buffer("places", torch.tensor(parts), persistent=False)

    places: Tensor

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        return 2 * self.weight.numel()

    def forward(self, x: Tensor) -> Tensor:
        """Cut and map."""
        if not self.is_even:
            x = F.pad(x, (0, 1)).index_select(1, self.places.flatten())
        parts = x.unflatten(1, self.places.shape)
        return torch.baddbmm(self.bias.unsqueeze(1), parts.transpose(0, 1), self.weight).transpose(0, 1)
