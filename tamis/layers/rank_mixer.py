"""The blocks of RankMixer: tokens exchange their parts, then each goes through a network of its own."""

import torch
from torch import Tensor, nn

from tamis.layers.per_token_ffn import PerTokenFFN
from tamis.layers.recomputed import RecomputedStack


def mix_tokens(x: Tensor) -> Tensor:
    """Cut every token into as many parts as there are tokens; new token ``h`` is part ``h`` of all of them in order.

    Source: Zhu et al. 2025, "RankMixer", arXiv 2507.15551, equations 3 and 4 with as many heads as tokens.

    Shape:
        - x, output: ``(rows, tokens, width)``, where ``tokens`` divides ``width``

    Example:
        >>> mix_tokens(torch.tensor([[[1, 2, 3, 4], [5, 6, 7, 8]]])).tolist()
        [[[1, 2, 5, 6], [3, 4, 7, 8]]]
    """
    return x.unflatten(2, (x.shape[1], -1)).transpose(1, 2).flatten(2)


class RankMixerBlock(nn.Module):
    """``s = LN(mix(x) + x)``, then ``LN(PFFN(s) + s)``.

    ``forward`` gives the new tokens and the penalty of ``PerTokenFFN``, or None. Each normalisation takes every token
    by itself, with one scale and shift for all.

    Source: Zhu et al. 2025, "RankMixer", arXiv 2507.15551, equations 1 and 5.

    Shape:
        - x: ``(rows, tokens, width)``
        - output: ``(rows, tokens, width)``, and ``()`` or None

    Raises:
        ValueError: as ``PerTokenFFN``, or ``tokens`` does not divide ``width``.

    Example:
        >>> RankMixerBlock(tokens=2, width=4, expansion=1)(torch.ones(5, 2, 4))[0].shape
        torch.Size([5, 2, 4])
    """

    def __init__(
        self, *, tokens: int, width: int, expansion: int, experts: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.network = PerTokenFFN(tokens=tokens, width=width, expansion=expansion, experts=experts, dropout=dropout)
        if width % tokens:
            raise ValueError(f"RankMixerBlock width must be a multiple of tokens, {tokens}; got {width}.")
        self.mixed_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mix the tokens, then let each work on what it got."""
        x = self.mixed_norm(mix_tokens(x) + x)
        new, penalty = self.network(x)
        return self.norm(new + x), penalty


class RankMixerStack(nn.ModuleList, RecomputedStack):  # pyright: ignore[reportIncompatibleVariableOverride]
    """RankMixer blocks in order; the penalties of all of them are summed up.

    Source: Zhu et al. 2025, "RankMixer", arXiv 2507.15551, figure 1.

    Shape:
        - x: ``(rows, tokens, width)``
        - output: ``(rows, tokens, width)``, and ``()`` or None
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Apply all blocks."""
        penalties = []
        for block in self:
            x, penalty = self.run_part(block, x)
            penalties += [] if penalty is None else [penalty]
        return x, torch.stack(penalties).sum() if penalties else None
