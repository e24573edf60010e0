"""The layers of Wukong: a factorization machine block beside a linear compression."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tamis.layers.initialisation import glorot_uniform_
from tamis.layers.linear_compression import LinearCompression
from tamis.layers.mlp import MLP
from tamis.layers.recomputed import RecomputedStack


class FactorizationMachineBlock(nn.Module):
    """Inner products of all vectors, through a small network to new vectors: ``reshape(MLP(LN(flatten(FM(X)))))``.

    ``FM(X)`` is ``X X^T`` or, with ``rank``, the smaller ``X (X^T Y)``. ``Y`` is learned, or with ``is_attentive``
    computed from the row: ``X`` linearly compressed to ``rank`` vectors, through hidden layers. The network's last
    layer is linear.

    Source: Zhang et al. 2024, "Wukong", arXiv 2403.02545, sections 3.4 and 3.6. How an attentive ``Y`` is computed is
    left open there but for its parts; the sizes are ours.

    Shape:
        - x: ``(rows, vectors_in, dim)``
        - output: ``(rows, vectors, dim)``

    Raises:
        ValueError: a size is below 1, ``dropout`` is outside [0, 1), or ``is_attentive`` comes without ``rank``.

    Example:
        >>> FactorizationMachineBlock(vectors_in=5, vectors=2, dim=4, rank=3, hidden=(8,))(torch.ones(3, 5, 4)).shape
        torch.Size([3, 2, 4])
    """

    def __init__(
        self,
        *,
        vectors_in: int,
        vectors: int,
        dim: int,
        rank: int | None,
        hidden: Sequence[int],
        is_attentive: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(vectors_in, vectors, dim, 1 if rank is None else rank) < 1:
            raise ValueError(
                "FactorizationMachineBlock vectors_in, vectors, dim and rank must be at least 1; "
                f"got {vectors_in}, {vectors}, {dim} and {rank}."
            )
        if is_attentive and rank is None:
            raise ValueError("FactorizationMachineBlock is_attentive needs a rank; got None.")
        self.vectors_in, self.vectors, self.dim, self.rank = vectors_in, vectors, dim, rank
        products = vectors_in * (vectors_in if rank is None else rank)
        self.compress = self.attend = self.projection = None
        if rank is not None and is_attentive:
            self.compress = LinearCompression(vectors_in=vectors_in, vectors=rank)
            self.attend = _Network(rank * dim, hidden, products, dropout)
        elif rank is not None:
            self.projection = LinearCompression(vectors_in=vectors_in, vectors=rank)
        self.norm = nn.LayerNorm(products)
        self.network = _Network(products, hidden, vectors * dim, dropout)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's products that are not those of a part."""
        products = self.vectors_in * (self.vectors_in if self.rank is None else self.rank)
        # With a rank there is the product that makes the other side, and a compression if that is attentive.
        return 2 * self.dim * products * (1 + (self.rank is not None) + (self.attend is not None))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply all vectors and make new ones of the products."""
        products = torch.bmm(x, self._other_side(x))
        return self.network(self.norm(products.flatten(1))).unflatten(1, (self.vectors, self.dim))

    def _other_side(self, x: Tensor) -> Tensor:
        """``X^T``, or ``X^T Y``."""
        if self.projection is not None:
            return self.projection(x).transpose(1, 2)
        if self.compress is not None and self.attend is not None:
            own = self.attend(self.compress(x).flatten(1)).unflatten(1, (x.shape[1], -1))
            return torch.bmm(x.transpose(1, 2), own)
        return x.transpose(1, 2)


class WukongLayer(nn.Module):
    """``LN(concat(FMB(X), LCB(X)) + X)``: new interactions, and the old ones compressed.

    Where the number of vectors changes, ``X`` is linearly compressed before it is added. The normalisation takes each
    vector by itself, with one scale and shift for all.

    Source: Zhang et al. 2024, "Wukong", arXiv 2403.02545, section 3.3.

    Shape:
        - x: ``(rows, vectors_in, dim)``
        - output: ``(rows, interacted + compressed, dim)``

    Raises:
        ValueError: as ``FactorizationMachineBlock`` and ``LinearCompression``.

    Example:
        >>> layer = WukongLayer(vectors_in=5, interacted=2, compressed=1, dim=4, rank=3, hidden=(8,))
        >>> layer(torch.ones(3, 5, 4)).shape
        torch.Size([3, 3, 4])
    """

    def __init__(
        self,
        *,
        vectors_in: int,
        interacted: int,
        compressed: int,
        dim: int,
        rank: int | None,
        hidden: Sequence[int],
        is_attentive: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.interact = FactorizationMachineBlock(
            vectors_in=vectors_in,
            vectors=interacted,
            dim=dim,
            rank=rank,
            hidden=hidden,
            is_attentive=is_attentive,
            dropout=dropout,
        )
        self.compress = LinearCompression(vectors_in=vectors_in, vectors=compressed)
        vectors = interacted + compressed
        self.residual = None if vectors == vectors_in else LinearCompression(vectors_in=vectors_in, vectors=vectors)
        self.norm = nn.LayerNorm(dim)

    @property
    def flops_per_row(self) -> int:
        """Multiplications and additions of one row's products that are not those of the interacting block."""
        compressions = [self.compress] if self.residual is None else [self.compress, self.residual]
        return 2 * self.interact.dim * sum(part.weight.numel() for part in compressions)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both blocks."""
        new = torch.cat([self.interact(x), self.compress(x)], dim=1)
        return self.norm(new + (x if self.residual is None else self.residual(x)))


class WukongStack(nn.ModuleList, RecomputedStack):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Wukong layers in order.

    Source: Zhang et al. 2024, "Wukong", arXiv 2403.02545, figure 2.

    Shape:
        - x: ``(rows, vectors_in, dim)``
        - output: ``(rows, interacted + compressed, dim)`` of the last layer
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply all layers."""
        for layer in self:
            x = self.run_part(layer, x)
        return x


class _Network(nn.Module):
    """Hidden ReLU layers and a linear one."""

    def __init__(self, d_in: int, hidden: Sequence[int], width: int, dropout: float) -> None:
        super().__init__()
        self.hidden = MLP(d_in=d_in, hidden=hidden, dropout=dropout)
        self.linear = nn.Linear(self.hidden.out_width, width)
        glorot_uniform_(self.linear.weight, fan_in=self.hidden.out_width, fan_out=width)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.hidden(x))
