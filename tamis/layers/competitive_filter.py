"""ICS, iterative competitive sparse: strong dimensions inhibit weak ones until those are exactly zero."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tamis.kernels import competition_for

# Without a kernel, so many numbers are worked on at a time, so that all passes over them stay inside the processor's
# cache. Forward and backward of 4,096 rows, 8 views of 128 with values, one thread, bf16: 45 ms; 84 ms with no parts;
# 105 ms by autograd.
_CHUNK_NUMBERS = 524_288


class CompetitiveFilter(nn.Module):
    """Iterative competitive sparse filter with learned rates of each view.

    Given values beside what competes, the winners are a gate on them: ``ICS(z) * values``.

    Without ``learn_gamma`` the scale stays as it begins.

    Source: arXiv 2604.08011, algorithm 1; the gate is in the authors' code only. ``alpha`` is unconstrained, as in that
    code, where trained models hold negative rates too.

    Shape:
        - z: ``(rows, views, width)``, or ``(rows, 2, views, width)`` with the values second
        - output: ``(rows, views, width)``
        - alpha: ``(views, iterations)``; gamma: ``(views, width)``

    Raises:
        ValueError: a size is below 1.

    Example:
        >>> sieve = CompetitiveFilter(views=1, width=3, iterations=1, alpha_init=1.0)
        >>> sieve(torch.tensor([[[3.0, 0.5, -1.0]]])).tolist()[0][0]
        [1.8333333730697632, 0.0, 0.0]
    """

    def __init__(
        self,
        *,
        views: int,
        width: int,
        iterations: int = 5,
        alpha_init: float = 0.1,
        gamma_init: float = 1.0,
        learn_gamma: bool = True,
    ) -> None:
        super().__init__()
        if min(views, width, iterations) < 1:
            raise ValueError(
                "CompetitiveFilter views, width and iterations must be at least 1; "
                f"got {views}, {width} and {iterations}."
            )
        self.alpha = nn.Parameter(torch.full((views, iterations), alpha_init))
        self.gamma = nn.Parameter(torch.full((views, width), gamma_init), requires_grad=learn_gamma)

    def forward(self, z: Tensor) -> Tensor:
        """Let the dimensions of each view compete."""
        return competitive_sparse(z, self.alpha, self.gamma)

    def extra_repr(self) -> str:
        """Sizes, for ``print``."""
        (views, width), iterations = self.gamma.shape, self.alpha.shape[1]
        return f"views={views}, width={width}, iterations={iterations}"


def competitive_sparse(z: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
    """The iteration ``x_0 = relu(z)``, ``x_{t+1} = relu(x_t - alpha_t mean(x_t))``, ``y = gamma x_T``.

    Every step subtracts one number of the whole view and cuts at zero, so at any time ``x_t = max(z,
    level_t) - shift_t`` with two numbers a row and view, which begin at 0 and follow, with ``drop = alpha_t
    mean(x_t)``, ``level_{t+1} = shift_t + max(level_t - shift_t, drop)`` and ``shift_{t+1} = shift_t +
    drop``. With no negative rate ``level = shift``: one soft threshold. So neither direction keeps a copy of
    ``x_t``: memory is the input and, for each step, level, shift, mean and the number of dimensions above the
    level. Statistics are float32 at least.

    With values, ``y`` is multiplied by them in the same pass. The output lies view by view in memory, which
    is what a dense layer for each view reads fastest.

    Source: arXiv 2604.08011, algorithm 1; this form of it is ours.

    Shape:
        - z: ``(rows, views, width)``, or ``(rows, 2, views, width)`` with the values second
        - alpha: ``(views, iterations)``
        - gamma: ``(views, width)``
        - output: ``(rows, views, width)``

    Example:
        >>> z = torch.tensor([[[4.0, 1.0, -2.0, 0.0]]])
        >>> competitive_sparse(z, torch.tensor([[1.0]]), torch.ones(1, 4)).tolist()
        [[[2.75, 0.0, 0.0, 0.0]]]
    """
    if torch.compiler.is_compiling():
        # A compiler or exporter fuses the plain iteration by itself and cannot look into our backward.
        return _plain_iteration(z, alpha, gamma)
    return _CompetitiveSparse.apply(z, alpha, gamma)  # type: ignore[no-any-return]


def _plain_iteration(z: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
    z, values = _halves(z)
    left = torch.relu(z.to(_statistics_type(z)))
    for rate in alpha.unbind(1):
        left = torch.relu(left - rate.unsqueeze(1) * left.mean(2, keepdim=True))
    winners = (gamma * left).to(z.dtype)
    return winners if values is None else winners * values


class _CompetitiveSparse(Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
        alpha, gamma = alpha.to(_statistics_type(z)), gamma.to(_statistics_type(z))
        if (kernels := competition_for(z, alpha)) is not None:
            output, steps = kernels.competitive_forward(z, alpha, gamma)
            ctx.save_for_backward(z, alpha, gamma, steps)
            return output
        rows, (views, width) = len(z), gamma.shape
        output = z.new_empty(views, rows, width).transpose(0, 1)
        # levels[t], shifts[t], means[t] and counts[t] of every row and view.
        steps = alpha.new_empty(4, alpha.shape[1] + 1, rows, views)
        for part in _chunks(z, gamma):
            _forward_chunk(z[part], alpha, gamma, steps[:, :, part], output[part])
        ctx.save_for_backward(z, alpha, gamma, steps)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        z, alpha, gamma, steps = ctx.saved_tensors
        if (kernels := competition_for(z, alpha, grads[0])) is not None:
            return kernels.competitive_backward(z, alpha, gamma, steps, grads[0])
        grad_z = torch.empty_like(z, memory_format=torch.contiguous_format)
        grad_alpha, grad_gamma = torch.zeros_like(alpha), torch.zeros_like(gamma)
        for part in _chunks(z, gamma):
            grad = grads[0][part].to(alpha.dtype)
            chunk_grads = (grad_z[part], grad_alpha, grad_gamma)
            _backward_chunk(z[part], alpha, gamma, steps[:, :, part], grad, chunk_grads)
        return grad_z, grad_alpha, grad_gamma


def _statistics_type(z: Tensor) -> torch.dtype:
    return torch.promote_types(z.dtype, torch.float32)


def _halves(z: Tensor) -> tuple[Tensor, Tensor | None]:
    return (z, None) if z.dim() == 3 else (z[:, 0], z[:, 1])


def _chunks(z: Tensor, gamma: Tensor) -> list[slice]:
    rows = len(z)
    size = rows if z.is_cuda else max(1, _CHUNK_NUMBERS // gamma.numel())
    return [slice(start, start + size) for start in range(0, rows, max(1, size))]


def _forward_chunk(z: Tensor, alpha: Tensor, gamma: Tensor, steps: Tensor, output: Tensor) -> None:
    """Fill ``output`` and the numbers of each step for some rows."""
    z, values = _halves(z)
    z = z.to(alpha.dtype)
    levels, shifts, means, counts = steps
    levels[0], shifts[0] = 0, 0
    buffer = torch.empty_like(z)
    for t, rate in enumerate(alpha.unbind(1)):
        torch.maximum(z, levels[t].unsqueeze(2), out=buffer)
        means[t] = buffer.mean(2) - shifts[t]
        counts[t] = torch.gt(z, levels[t].unsqueeze(2), out=buffer).sum(2)
        drop = rate * means[t]
        levels[t + 1] = shifts[t] + torch.maximum(levels[t] - shifts[t], drop)
        shifts[t + 1] = shifts[t] + drop
    winners = torch.maximum(z, levels[-1].unsqueeze(2), out=buffer).sub_(shifts[-1].unsqueeze(2)).mul_(gamma)
    output.copy_(winners if values is None else winners.mul_(values.to(alpha.dtype)))


def _backward_chunk(
    z: Tensor, alpha: Tensor, gamma: Tensor, steps: Tensor, grad: Tensor, grads: tuple[Tensor, Tensor, Tensor]
) -> None:
    """Add some rows' share to the gradients, walking the steps backwards with two numbers a row and view.

    In terms of ``dead = level - shift``, the value of a dimension that fell below the level: ``drop`` moves
    ``shift`` up and, while ``dead`` stays positive, ``dead`` down.
    """
    (z, values), (grad_z, grad_values) = _halves(z), _halves(grads[0])
    _, grad_alpha, grad_gamma = grads
    levels, shifts, means, counts = steps
    z = z.to(alpha.dtype)
    left = torch.maximum(z, levels[-1].unsqueeze(2)).sub_(shifts[-1].unsqueeze(2))
    if values is not None and grad_values is not None:
        grad_values.copy_((left * gamma).mul_(grad))
        grad = grad * values.to(alpha.dtype)
    grad_gamma += left.mul_(grad).sum(0)
    grad = grad * gamma
    total = grad.sum(2)
    # Comparing into a tensor of numbers and multiplying is five times faster here than a mask of booleans.
    alive = torch.gt(z, levels[-1].unsqueeze(2), out=left)
    grad.mul_(alive)
    grad_shift = -grad.sum(2)
    grad_dead = total + grad_shift
    for t in reversed(range(alpha.shape[1])):
        grad_dead = grad_dead * (levels[t + 1] > shifts[t + 1])
        grad_drop = grad_shift - grad_dead
        grad_alpha[:, t] += (grad_drop * means[t]).sum(0)
        grad_mean = grad_drop * (alpha[:, t] / z.shape[2])
        grad.addcmul_(torch.gt(z, levels[t].unsqueeze(2), out=alive), grad_mean.unsqueeze(2))
        grad_shift = grad_shift - grad_mean * counts[t]
        grad_dead = grad_dead + grad_mean * (z.shape[2] - counts[t])
    grad_z.copy_(grad)
