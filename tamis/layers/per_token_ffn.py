"""A feed-forward network of its own for every token, dense or of experts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.layers.dropout import Dropout
from tamis.layers.initialisation import glorot_uniform_


class PerTokenFFN(nn.Module):
    """Two layers with the exact (erf) GELU between them, for each token apart: ``W2 gelu(W1 s + b1) + b2``.

    With ``experts`` each token has several such networks, which are summed up with factors that the token itself gives,
    ``relu(R s + r)``: those with a factor of zero are left out. While training the factors are the mean of two routers'
    and the second router's are to be small; in evaluation the second router decides alone. All experts are computed
    whatever their factors, so that sparsity saves no time here.

    ``forward`` gives the new tokens and, while training with experts, the sum of the second router's factors in the
    mean over the rows, else None.

    Source: Zhu et al. 2025, "RankMixer", arXiv 2507.15551, equations 6 to 9 (dense), 10 and 11 (routing by ReLU and its
    penalty) and the text on dense training and sparse inference, which leaves open how the two routers are joined; the
    mean is our reading.

    Shape:
        - x: ``(rows, tokens, width)``
        - output: ``(rows, tokens, width)``, and ``()`` or None

    Raises:
        ValueError: a size is below 1, or ``dropout`` is outside [0, 1).

    Example:
        >>> PerTokenFFN(tokens=3, width=4, expansion=2)(torch.ones(5, 3, 4))[0].shape
        torch.Size([5, 3, 4])
    """

    def __init__(
        self, *, tokens: int, width: int, expansion: int, experts: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if min(tokens, width, expansion, 1 if experts is None else experts) < 1:
            raise ValueError(
                "PerTokenFFN tokens, width, expansion and experts must be at least 1; "
                f"got {tokens}, {width}, {expansion} and {experts}."
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"PerTokenFFN dropout must be at least 0 and below 1; got {dropout}.")
        self.experts = experts
        wide, count = expansion * width, experts or 1
        # Of each token the experts stand side by side, so that all of them are two products.
        self.weight_in = nn.Parameter(torch.empty(tokens, width, count * wide))
        self.bias_in = nn.Parameter(torch.zeros(tokens, count * wide))
        self.weight_out = nn.Parameter(torch.empty(tokens, count * wide, width))
        self.bias_out = nn.Parameter(torch.zeros(tokens, count, width))
        glorot_uniform_(self.weight_in, fan_in=width, fan_out=wide)
        glorot_uniform_(self.weight_out, fan_in=wide, fan_out=width)
        if experts is not None:
            # The router of training, then that of inference.
            self.router = nn.Parameter(torch.empty(tokens, width, 2 * experts))
            self.router_bias = nn.Parameter(torch.zeros(tokens, 2 * experts))
            glorot_uniform_(self.router, fan_in=width, fan_out=experts)
        self.dropout = Dropout(dropout)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row."""
        products = self.weight_in.numel() + self.weight_out.numel()
        return 2 * (products if self.experts is None else products + self.router.numel() + self.bias_out.numel())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Apply every token's network."""
        by_token = x.transpose(0, 1)
        hidden = self.dropout(F.gelu(torch.baddbmm(self.bias_in.unsqueeze(1), by_token, self.weight_in)))
        if self.experts is None:
            return torch.baddbmm(self.bias_out, hidden, self.weight_out).transpose(0, 1), None
        routed = torch.baddbmm(self.router_bias.unsqueeze(1), by_token, self.router).relu()
        for_training, for_inference = routed.chunk(2, dim=2)
        factors = (for_training + for_inference) / 2 if self.training else for_inference
        weighed = (hidden.unflatten(2, (self.experts, -1)) * factors.unsqueeze(3)).flatten(2)
        summed = torch.bmm(weighed, self.weight_out) + torch.bmm(factors, self.bias_out)
        penalty = for_inference.float().sum(dim=(0, 2)).mean() if self.training else None
        return summed.transpose(0, 1), penalty
