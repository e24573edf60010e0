"""All pairs of field vectors multiplied, each pair let through by a gate of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.averaged_batch_norm import AveragedBatchNorm


class GatedPairs(nn.Module):
    """``sum_{(i, j)} gate_ij norm(<v_i, v_j>)`` over the given pairs, one score a task; each task has its own gates.

    The products are normalised over the batch, without scale and shift, so that the gate alone says how much a pair
    counts. Gates start at 0.6 within a thousandth. While the pairs are ``searched``, the parameter carries the mark
    ``is_gate``, by which training knows to step it by GRDA, which makes gates exactly zero; otherwise it is a weight
    like any other.

    Source: Liu et al. 2020, "AutoFIS", arXiv 2003.11235, the search and the re-train stage; ``eps``, momentum and the
    start of the gates are those of the authors' code.

    Shape:
        - vectors: ``(rows, fields, dim)``
        - output: ``(rows, tasks)``

    Raises:
        ValueError: there is no pair, or ``tasks`` is below 1.

    Example:
        >>> GatedPairs(fields=3, dim=4, pairs=[(0, 1), (1, 2)], tasks=1, is_searched=True)(torch.ones(5, 3, 4)).shape
        torch.Size([5, 1])
    """

    def __init__(
        self, *, fields: int, dim: int, pairs: Sequence[tuple[int, int]], tasks: int, is_searched: bool
    ) -> None:
        super().__init__()
        if not pairs or tasks < 1:
            raise ValueError(f"GatedPairs needs at least one pair and one task; got {len(pairs)} and {tasks}.")
        self.fields, self.dim, self.is_searched = fields, dim, is_searched
        places = torch.tensor([left * fields + right for left, right in pairs])
        self.register_buffer("places", places, persistent=False)
        self.norm = AveragedBatchNorm(len(pairs), eps=1e-3, momentum=0.01, is_affine=False)
        self.gates = nn.Parameter(torch.empty(len(pairs), tasks).uniform_(0.599, 0.601))
        self._mark()

    places: Tensor

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the products of one row: of every field with every one, then the gates."""
        return 2 * self.fields * self.fields * self.dim + 2 * self.gates.numel()

    def forward(self, vectors: Tensor) -> Tensor:
        """Score the pairs."""
        products = torch.bmm(vectors, vectors.transpose(1, 2)).flatten(1)[:, self.places]
        return self.norm(products) @ self.gates

    def _mark(self) -> None:
        self.gates.is_gate = self.is_searched  # type: ignore[attr-defined]

    def __setstate__(self, state: dict) -> None:
        # Copies of a parameter lose its Python attributes.
        super().__setstate__(state)
        self._mark()
