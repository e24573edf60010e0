"""Dense fusion inside each view, after the filter."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tamis.kernels import Drops, kernels_for
from tamis.layers.dropout import Dropout, draw_drops
from tamis.layers.view_dense import ViewDense
from tamis.layers.view_norm import ViewNorm

DropoutPlace = Literal["before_norm", "after_norm"]


class ViewFusion(nn.Module):
    """Fuse what the filter let through: ``LN(dense(x))``, or ``LN(x + dense(x))`` with a residual.

    ``depth`` dense layers follow one another; with 0 the view is normalised only.

    Dropout acts ``before_norm``, on what each dense layer gives, or once ``after_norm``. Before it, the norm divides by
    the spread that dropout adds while training and no longer does when serving, so that what is served is larger than
    what the head has learned to read, and chances are further from one half (docs/results.md).

    Source: arXiv 2604.08011, dense fusion (``depth`` 1, no residual, no dropout). The authors' code adds the residual
    in both models, dropout before the norm, and lets SSR-S have several dense layers. Where dropout acts with
    several layers is our reading: after each; ``after_norm`` is ours.

    Shape:
        - x: ``(rows, views, d_in)``
        - output: ``(rows, views, width)``

    Raises:
        ValueError: ``depth`` is negative, or the width changes where it cannot.

    Example:
        >>> import torch
        >>> ViewFusion(views=2, d_in=3, width=4)(torch.ones(5, 2, 3)).shape
        torch.Size([5, 2, 4])
    """

    def __init__(
        self,
        *,
        views: int,
        d_in: int,
        width: int,
        depth: int = 1,
        residual: bool = False,
        dropout: float = 0.0,
        dropout_place: DropoutPlace = "before_norm",
        shared_norm: bool = False,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if depth < 0:
            raise ValueError(f"ViewFusion depth must be at least 0; got {depth}.")
        if d_in != width and (residual or depth == 0):
            raise ValueError(
                f"ViewFusion width must equal d_in with a residual or without a dense layer; got {width} and {d_in}."
            )
        self.residual = residual and depth > 0
        before, after = (dropout, 0.0) if dropout_place == "before_norm" else (0.0, dropout)
        self.dense = nn.ModuleList(
            ViewDense(views=views, d_in=width if i else d_in, width=width, dropout=before) for i in range(depth)
        )
        self.norm = ViewNorm(views=views, width=width, shared=shared_norm, eps=eps)
        self.dropout = Dropout(after)

    def forward(self, x: Tensor) -> Tensor:
        """Fuse and normalise every view."""
        return self.finish(*self.project(x))

    def project(self, x: Tensor) -> tuple[Tensor, ...]:
        """What is linear in ``x`` and needed later: the first dense layer's products, and ``x`` for the residual.

        Shape:
            - output: ``(rows, views, width)``, and ``(rows, views, d_in)`` with a residual or without a dense layer
        """
        if not self.dense:
            return (x,)
        first = self.dense[0]
        assert isinstance(first, ViewDense)
        mixed = first.product(x).transpose(0, 1)
        return (mixed, x) if self.residual else (mixed,)

    def finish(self, mixed: Tensor, x: Tensor | None = None) -> Tensor:
        """What follows ``project``."""
        return self.dropout(self._normalise(mixed, x))

    def _normalise(self, mixed: Tensor, x: Tensor | None) -> Tensor:
        if not self.dense:
            return self.norm(mixed)
        mixed, last = mixed.transpose(0, 1), self.dense[0]
        assert isinstance(last, ViewDense)
        for dense in self.dense[1:]:
            fused = last.activate(mixed)
            assert isinstance(dense, ViewDense)
            mixed, last = dense.product(fused), dense
        if kernels_for(mixed) is not None:
            beside = None if x is None else x.to(mixed.dtype)
            norm, keep = self.norm, torch.is_grad_enabled()
            drops = draw_drops(last.dropout.p if self.training else 0.0)
            return _FusionTail.apply(mixed, beside, last.bias, norm.weight, norm.bias, norm.eps, drops, keep)  # type: ignore[no-any-return]
        fused = last.activate(mixed)
        return self.norm(fused if x is None else x + fused)


class _FusionTail(Function):
    """All that follows the last product, ``norm(residual + dropout(gelu(mixed + bias)))``, in one pass each way."""

    @staticmethod
    def forward(
        ctx: Any,
        mixed: Tensor,
        residual: Tensor | None,
        bias: Tensor,
        scale: Tensor,
        shift: Tensor,
        eps: float,
        drops: Drops,
        keep: bool,
    ) -> Tensor:
        kernels = kernels_for(mixed)
        assert kernels is not None
        output, kept = kernels.fusion_forward(mixed, residual, bias, scale, shift, eps, drops=drops, keep=keep)
        if kept is not None:
            # Kept instead of the inputs: the slope of gelu costs more to compute again than to read.
            ctx.save_for_backward(*kept, scale)
        ctx.kernels, ctx.has_residual = kernels, residual is not None
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        *kept, scale = ctx.saved_tensors
        grad_mixed, grad_residual, sums = ctx.kernels.fusion_backward(
            tuple(kept), scale, grads[0], has_residual=ctx.has_residual
        )
        grad_scale, grad_shift, grad_bias = sums
        if scale.dim() == 1:  # shared by the views
            grad_scale, grad_shift = grad_scale.sum(0), grad_shift.sum(0)
        return grad_mixed, grad_residual, grad_bias, grad_scale, grad_shift, None, None, None
