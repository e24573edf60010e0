"""The kernels as functions of tensors."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

NUMBERS = {torch.float32: "float", torch.bfloat16: "bfloat16"}
"""The dtypes the kernels are compiled for, and their names in C++."""

_RANDOM_STEPS = 2**16


@dataclass(frozen=True)
class Drops:
    """Dropout: the ``share`` that is left out, rounded to whole 65536ths, and the ``seed`` that says which numbers."""

    share: float
    seed: int

    @property
    def threshold(self) -> int:
        """A number is left out where its 16 random bits are below this."""
        return min(round(self.share * _RANDOM_STEPS), _RANDOM_STEPS - 1)

    @property
    def scale(self) -> float:
        """What the others are multiplied with, which makes up for the share as it was rounded."""
        return _RANDOM_STEPS / (_RANDOM_STEPS - self.threshold)


NO_DROPS = Drops(0.0, 0)


class Kernels:
    """Calls into the library compiled for one dtype; ``kernels_for`` has checked device and dtype.

    What the functions compute, and the meaning of ``steps``, stands with the layer that has the same in torch. What is
    learned or summed up is float32 inside; views keep the dtype of the input. Tensors may lie in memory as they like.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def competitive_forward(self, z: Tensor, alpha: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """``gamma * ICS(z)``, times the values where ``z`` has them, and the numbers of each step.

        Shape:
            - z: ``(rows, views, width)`` or ``(rows, 2, views, width)``
            - output: ``(rows, views, width)``, view by view in memory, and ``(4, iterations + 1, rows, views)``
        """
        rows, (views, width), iterations = len(z), gamma.shape, alpha.shape[1]
        z, alpha, gamma = with_whole_rows(z), as_learned(alpha), as_learned(gamma)
        output = z.new_empty(views, rows, width)
        steps = alpha.new_empty(4, iterations + 1, rows, views)
        self._call(
            *("competitive_forward", z, z.stride(0), values_offset(z), alpha, gamma, steps, output),
            *(rows, views, width, iterations),
        )
        return output.transpose(0, 1), steps

    def competitive_backward(
        self, z: Tensor, alpha: Tensor, gamma: Tensor, steps: Tensor, grad: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of z, alpha and gamma."""
        rows, (views, width), iterations = len(z), gamma.shape, alpha.shape[1]
        z, grad = with_whole_rows(z), with_whole_views(grad)
        alpha, gamma = as_learned(alpha), as_learned(gamma)
        grad_z = torch.empty_like(z, memory_format=torch.contiguous_format)
        grad_alpha, grad_gamma = torch.zeros_like(alpha), torch.zeros_like(gamma)
        self._call(
            *("competitive_backward", z, z.stride(0), values_offset(z), alpha, gamma, steps),
            *(grad, grad.stride(0), grad.stride(1), grad_z, grad_alpha, grad_gamma, rows, views, width, iterations),
        )
        return grad_z, grad_alpha, grad_gamma

    def fusion_forward(
        self,
        mixed: Tensor,
        residual: Tensor | None,
        bias: Tensor,
        scale: Tensor,
        shift: Tensor,
        eps: float,
        *,
        drops: Drops = NO_DROPS,
        keep: bool,
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor] | None]:
        """``norm(residual + dropout(gelu(mixed + bias)))`` and, if the backward pass is to ``keep`` it, what it needs.

        Shape:
            - mixed: ``(views, rows, width)``; residual, output: ``(rows, views, width)``
            - bias: ``(views, width)``; scale, shift: the same, or ``(width,)``
            - kept: the normalised numbers and the slopes of what is left of gelu, as ``mixed``, and the inverse
              deviations, ``(rows, views)``
        """
        views, rows, width = mixed.shape
        mixed, bias, scale, shift = mixed.contiguous(), as_learned(bias), as_learned(scale), as_learned(shift)
        output = mixed.new_empty(rows, views, width)
        kept = (torch.empty_like(mixed), torch.empty_like(mixed), bias.new_empty(rows, views)) if keep else None
        self._call(
            *("fusion_forward", mixed, *_residual(residual), bias, scale, shift, _norm_stride(scale)),
            *(eps, drops.seed, drops.threshold, drops.scale, *(kept or (None, None, None)), output, rows, views, width),
        )
        return output, kept

    def fusion_backward(
        self, kept: tuple[Tensor, Tensor, Tensor], scale: Tensor, grad: Tensor, *, has_residual: bool
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """The gradients of mixed and residual, and one below the other those of scale, shift and bias of each view."""
        views, rows, width = kept[0].shape
        scale, grad = as_learned(scale), with_whole_views(grad)
        grad_mixed = torch.empty_like(kept[0])
        grad_residual = torch.empty_like(grad_mixed) if has_residual else None
        sums = scale.new_zeros(3, views, width)
        self._call(
            *("fusion_backward", *kept, scale, _norm_stride(scale), grad, grad.stride(0), grad.stride(1)),
            *(grad_mixed, grad_residual, sums, rows, views, width),
        )
        return grad_mixed, None if grad_residual is None else grad_residual.transpose(0, 1), sums

    def gather_forward(self, x: Tensor, indices: Tensor) -> Tensor:
        """``x[:, indices]``, view by view in memory."""
        (rows, d_in), (views, width) = x.shape, indices.shape
        output = x.new_empty(views, rows, width)
        self._call("gather_forward", x.contiguous(), indices, output, rows, d_in, views, width)
        return output.transpose(0, 1)

    def gather_backward(self, grad: Tensor, indices: Tensor, d_in: int) -> Tensor:
        """The gradient of x, each dimension's summed in float32 over the views that chose it."""
        rows, (views, width) = len(grad), indices.shape
        grad = with_whole_views(grad)
        grad_x = grad.new_empty(rows, d_in)
        self._call("gather_backward", grad, grad.stride(0), grad.stride(1), indices, grad_x, rows, d_in, views, width)
        return grad_x

    def mean_forward(self, x: Tensor) -> Tensor:
        """``x.mean(1)``, summed in float32.

        Shape:
            - x: ``(rows, views, width)``; output: ``(rows, width)``
        """
        rows, views, width = x.shape
        output = x.new_empty(rows, width)
        self._call("mean_forward", x.contiguous(), output, rows, views, width)
        return output

    def cross_forward(
        self, first: Tensor, product: Tensor, bias: Tensor, current: Tensor | None, *, is_last: bool
    ) -> tuple[Tensor | None, Tensor]:
        """``first * (product + bias) + current`` in float32, unless it is the last, and rounded as ``product`` is.

        Without ``current`` it is ``first``.

        Shape:
            - first, product, current, both outputs: ``(rows, width)``; bias: ``(width,)``
        """
        following, rounded = None if is_last else torch.empty_like(first), torch.empty_like(product)
        self._call("cross_forward", first, product, as_learned(bias), current, following, rounded, *first.shape)
        return following, rounded

    def cross_backward(
        self,
        first: Tensor,
        product: Tensor,
        bias: Tensor,
        *,
        has_current: bool,
        grads: tuple[Tensor | None, Tensor | None, Tensor | None],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """The gradients of first, product, bias and current.

        ``grads`` are those of ``first`` from later crosses, of the sum and of the rounded sum, None where nothing
        used them.
        """
        later, following, rounded = (None if grad is None else grad.contiguous() for grad in grads)
        grad_first, grad_product = torch.empty_like(first), torch.empty_like(product)
        grad_bias, grad_current = first.new_zeros(bias.shape), torch.empty_like(first) if has_current else None
        self._call(
            *("cross_backward", first, product, as_learned(bias), later, following, rounded),
            *(grad_first, grad_product, grad_bias, grad_current, *first.shape),
        )
        return grad_first, grad_product, grad_bias, grad_current

    def dropout(self, x: Tensor, drops: Drops) -> Tensor:
        """``x`` without a share of its numbers, the others made larger for it."""
        output = torch.empty_like(x, memory_format=torch.contiguous_format)
        self._call("dropout", x.contiguous(), drops.seed, drops.threshold, drops.scale, output, x.numel())
        return output

    def _call(self, name: str, *arguments: Tensor | int | float | None) -> None:
        """Call a function of the library; torch's number of threads comes last."""
        getattr(self._library, name)(*(_as_c(argument) for argument in (*arguments, torch.get_num_threads())))


def _as_c(argument: Tensor | int | float | None) -> ctypes.c_void_p | ctypes.c_int64 | ctypes.c_float:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_float(argument) if isinstance(argument, float) else ctypes.c_int64(argument)


def as_learned(parameter: Tensor) -> Tensor:
    """A parameter as the kernels read it, in float32."""
    return parameter.to(torch.float32).contiguous()


def with_whole_rows(z: Tensor) -> Tensor:
    """``z`` with everything of one row side by side; rows may be apart."""
    return z if z[:1].is_contiguous() else z.contiguous()


def with_whole_views(grad: Tensor) -> Tensor:
    """``grad`` with the numbers of one view of one row side by side."""
    return grad if grad.stride(-1) == 1 else grad.contiguous()


def values_offset(z: Tensor) -> int:
    """How far behind what competes the values lie; 0 where there are none."""
    return 0 if z.dim() == 3 else z.stride(1)


def _norm_stride(scale: Tensor) -> int:
    return scale.shape[-1] if scale.dim() == 2 else 0


def _residual(residual: Tensor | None) -> tuple[Tensor | None, int, int]:
    if residual is None:
        return None, 0, 0
    residual = with_whole_views(residual)
    return residual, residual.stride(0), residual.stride(1)
