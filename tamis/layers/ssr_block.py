"""One block of SSR: filter, then fuse."""

from torch import Tensor, nn

from tamis.layers.competitive_filter import CompetitiveFilter
from tamis.layers.control_filter import ControlFilter
from tamis.layers.static_filter import StaticFilter
from tamis.layers.view_fusion import ViewFusion
from tamis.layers.view_projection import ViewProjection


class StaticBlock(nn.Module):
    """SSR-S: each view fuses its choice of input dimensions.

    Source: arXiv 2604.08011, SSR-S.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, views, width)``

    Example:
        >>> import torch
        >>> sieve = StaticFilter(d_in=6, views=2, width=3, first_seed=1000)
        >>> StaticBlock(filter=sieve, fusion=ViewFusion(views=2, d_in=3, width=3))(torch.ones(4, 6)).shape
        torch.Size([4, 2, 3])
    """

    def __init__(self, *, filter: StaticFilter, fusion: ViewFusion) -> None:
        super().__init__()
        self.filter = filter
        self.fusion = fusion

    def forward(self, x: Tensor) -> Tensor:
        """Filter, then fuse."""
        return self.fusion(self.filter(x))

    def project(self, x: Tensor) -> tuple[Tensor, ...]:
        """What is linear in ``x``: the choice of dimensions and the first products of the fusion."""
        return self.fusion.project(self.filter(x))

    def finish(self, projected: tuple[Tensor, ...]) -> Tensor:
        """What follows ``project``."""
        return self.fusion.finish(*projected)


class DynamicBlock(nn.Module):
    """SSR-D: each view fuses what wins the competition among its projected dimensions.

    With values projected too, the winners are a gate on them: ``ICS(x W) * (x W_value)``.

    Source: arXiv 2604.08011, SSR-D; the gate is in the authors' code only.

    Shape:
        - x: ``(rows, d_in)``
        - output: ``(rows, views, width)``

    Example:
        >>> import torch
        >>> block = DynamicBlock(
        ...     projection=ViewProjection(d_in=6, views=2, width=3, has_values=True),
        ...     filter=CompetitiveFilter(views=2, width=3),
        ...     fusion=ViewFusion(views=2, d_in=3, width=3, residual=True),
        ... )
        >>> block(torch.ones(4, 6)).shape
        torch.Size([4, 2, 3])
    """

    def __init__(
        self, *, projection: ViewProjection, filter: CompetitiveFilter | ControlFilter, fusion: ViewFusion
    ) -> None:
        super().__init__()
        self.projection = projection
        self.filter = filter
        self.fusion = fusion

    def forward(self, x: Tensor) -> Tensor:
        """Project, let the dimensions compete, then fuse."""
        return self.fusion(self.filter(self.projection(x)))

    def project(self, x: Tensor) -> tuple[Tensor, ...]:
        """What is linear in ``x``: the products of the projection, values included."""
        return (self.projection.project(x),)

    def finish(self, projected: tuple[Tensor, ...]) -> Tensor:
        """What follows ``project``."""
        return self.fusion(self.filter(self.projection.finish(*projected)))
