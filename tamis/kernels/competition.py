"""ICS on a GPU, in Triton; imported when the first CUDA tensor comes, for only torch's CUDA builds bring Triton.

As in ``rows.cpp``, what is read is worked on at once and written once: here a tile of rows of one view, in registers.
Sums over rows are made by each program for its own and then by torch: the same input gives the same bits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tamis.kernels.rows import as_learned, values_offset, with_whole_rows, with_whole_views

# Numbers of a view that one program holds in registers at a time, and rows whose gradients of alpha and gamma it sums.
_TILE_NUMBERS = 2048
_SUMMED_ROWS = 32


class TritonKernels:
    """ICS for CUDA tensors in float32, bfloat16 or float16; the meaning is that of ``Kernels``."""

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
        padded, tile, warps = _tile(width)
        with torch.cuda.device_of(z):
            _forward[triton.cdiv(rows, tile), views](
                *(z, z.stride(0), values_offset(z), alpha, gamma, steps, rows * views, steps.stride(0), output),
                *(rows, views, width, iterations, z.dim() == 4, tile, padded),
                num_warps=warps,
                enable_fp_fusion=True,
            )
        return output.transpose(0, 1), steps

    def competitive_backward(
        self, z: Tensor, alpha: Tensor, gamma: Tensor, steps: Tensor, grad: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of z, alpha and gamma."""
        rows, (views, width), iterations = len(z), gamma.shape, alpha.shape[1]
        z, grad, alpha, gamma = with_whole_rows(z), with_whole_views(grad), as_learned(alpha), as_learned(gamma)
        grad_z = torch.empty_like(z, memory_format=torch.contiguous_format)
        padded, tile, warps = _tile(width)
        programs = triton.cdiv(rows, _SUMMED_ROWS)
        alphas, gammas = alpha.new_empty(programs, views, iterations), gamma.new_empty(programs, views, width)
        with torch.cuda.device_of(z):
            _backward[programs, views](
                *(z, z.stride(0), values_offset(z), alpha, gamma, steps, rows * views, steps.stride(0)),
                *(grad, grad.stride(0), grad.stride(1), grad_z, grad_z.stride(0), alphas, gammas),
                *(rows, views, width, iterations, z.dim() == 4, tile, padded),
                *(triton.next_power_of_2(iterations), _SUMMED_ROWS),
                num_warps=warps,
                enable_fp_fusion=True,
            )
        # A rate's gradient is one number from all numbers of a view: terms of both signs, so float would lose them.
        return grad_z, alphas.sum(0, dtype=torch.float64).to(alphas.dtype), gammas.sum(0)


def _tile(width: int) -> tuple[int, int, int]:
    """The width as a power of two, the rows that a program holds at a time, and the warps that work on them."""
    padded = triton.next_power_of_2(width)
    return padded, max(1, min(_SUMMED_ROWS, _TILE_NUMBERS // padded)), max(4, min(16, padded // _TILE_NUMBERS * 4))


@triton.jit(do_not_specialize=["rows", "step", "kind"])
def _forward(
    z,
    z_row,
    values,
    alpha,
    gamma,
    steps,
    step,
    kind,
    output,
    rows,
    views,
    WIDTH: tl.constexpr,
    ITERATIONS: tl.constexpr,
    HAS_VALUES: tl.constexpr,
    TILE: tl.constexpr,
    PADDED: tl.constexpr,
):
    view = tl.program_id(1).to(tl.int64)
    row, column = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE), tl.arange(0, PADDED)
    is_row, is_column = row < rows, column < WIDTH
    is_there = is_row[:, None] & is_column[None, :]
    at = z + row[:, None] * z_row + view * WIDTH + column[None, :]
    x = tl.load(at, mask=is_there, other=float("-inf")).to(tl.float32)
    levels = steps + row * views + view
    shifts = levels + kind
    means = shifts + kind
    counts = means + kind
    level, shift = tl.zeros((TILE,), tl.float32), tl.zeros((TILE,), tl.float32)
    tl.store(levels, level, mask=is_row)
    tl.store(shifts, shift, mask=is_row)
    for t in tl.static_range(ITERATIONS):
        upper = _larger(x, level[:, None])
        mean = tl.sum(tl.where(is_column[None, :], upper, 0.0), 1) / WIDTH - shift
        tl.store(means + t * step, mean, mask=is_row)
        tl.store(counts + t * step, tl.sum(tl.where(x > level[:, None], 1.0, 0.0), 1), mask=is_row)
        drop = tl.load(alpha + view * ITERATIONS + t) * mean
        # Where the drop decides, level and shift are the same number to the last bit: the dead are exactly zero.
        following = shift + drop
        level = tl.where(level - shift > drop, level, following)
        shift = following
        tl.store(levels + (t + 1) * step, level, mask=is_row)
        tl.store(shifts + (t + 1) * step, shift, mask=is_row)
    scale = tl.load(gamma + view * WIDTH + column, mask=is_column, other=0.0)
    winners = (_larger(x, level[:, None]) - shift[:, None]) * scale[None, :]
    if HAS_VALUES:
        winners *= tl.load(at + values, mask=is_there, other=0.0).to(tl.float32)
    place = output + (view * rows + row[:, None]) * WIDTH + column[None, :]
    tl.store(place, winners.to(output.dtype.element_ty), mask=is_there)


@triton.jit(do_not_specialize=["rows", "step", "kind"])
def _backward(
    z,
    z_row,
    values,
    alpha,
    gamma,
    steps,
    step,
    kind,
    grad,
    grad_row,
    grad_view,
    grad_z,
    grad_z_row,
    alphas,
    gammas,
    rows,
    views,
    WIDTH: tl.constexpr,
    ITERATIONS: tl.constexpr,
    HAS_VALUES: tl.constexpr,
    TILE: tl.constexpr,
    PADDED: tl.constexpr,
    PADDED_ITERATIONS: tl.constexpr,
    SUMMED_ROWS: tl.constexpr,
):
    program, view = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    column, number = tl.arange(0, PADDED), tl.arange(0, PADDED_ITERATIONS)
    is_column = column < WIDTH
    scale = tl.load(gamma + view * WIDTH + column, mask=is_column, other=0.0)
    of_gamma, of_alpha = tl.zeros((PADDED,), tl.float32), tl.zeros((PADDED_ITERATIONS,), tl.float32)
    for start in range(0, SUMMED_ROWS, TILE):
        row = program * SUMMED_ROWS + start + tl.arange(0, TILE)
        is_row = row < rows
        is_there = is_row[:, None] & is_column[None, :]
        at = z + row[:, None] * z_row + view * WIDTH + column[None, :]
        place = grad_z + row[:, None] * grad_z_row + view * WIDTH + column[None, :]
        x = tl.load(at, mask=is_there, other=float("-inf")).to(tl.float32)
        upper = grad + row[:, None] * grad_row + view * grad_view + column[None, :]
        upper = tl.load(upper, mask=is_there, other=0.0).to(tl.float32)
        levels = steps + row * views + view
        shifts = levels + kind
        means = shifts + kind
        counts = means + kind
        level = tl.load(levels + ITERATIONS * step, mask=is_row, other=0.0)
        shift = tl.load(shifts + ITERATIONS * step, mask=is_row, other=0.0)
        left = _larger(x, level[:, None]) - shift[:, None]
        if HAS_VALUES:
            of_values = (left * scale[None, :] * upper).to(grad_z.dtype.element_ty)
            tl.store(place + views * WIDTH, of_values, mask=is_there)
            upper *= tl.load(at + values, mask=is_there, other=0.0).to(tl.float32)
        of_gamma += tl.sum(left * upper, 0)
        through = upper * scale[None, :]
        of_z = tl.where(x > level[:, None], through, 0.0)
        of_shift, of_dead = -tl.sum(of_z, 1), tl.sum(through - of_z, 1)
        for t in tl.static_range(ITERATIONS - 1, -1, -1):
            following = tl.load(levels + (t + 1) * step, mask=is_row, other=0.0)
            is_above = following > tl.load(shifts + (t + 1) * step, mask=is_row, other=0.0)
            of_dead = tl.where(is_above, of_dead, 0.0)
            of_drop = of_shift - of_dead
            of_rate = tl.sum(of_drop * tl.load(means + t * step, mask=is_row, other=0.0), 0)
            of_alpha += tl.where(number == t, of_rate, 0.0)
            of_mean = of_drop * tl.load(alpha + view * ITERATIONS + t) / WIDTH
            level = tl.load(levels + t * step, mask=is_row, other=0.0)
            of_z += tl.where(x > level[:, None], of_mean[:, None], 0.0)
            count = tl.load(counts + t * step, mask=is_row, other=0.0)
            of_shift -= of_mean * count
            of_dead += of_mean * (WIDTH - count)
        tl.store(place, of_z.to(grad_z.dtype.element_ty), mask=is_there)
    mine = program * views + view
    tl.store(gammas + mine * WIDTH + column, of_gamma, mask=is_column)
    tl.store(alphas + mine * ITERATIONS + number, of_alpha, mask=number < ITERATIONS)


@triton.jit
def _larger(x, y):
    """NaN in ``x`` stays, as with ``torch.maximum``; ``tl.maximum`` would drop it."""
    return tl.where(x < y, y, x)
