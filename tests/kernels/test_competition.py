"""ICS in Triton against float64: on a GPU where there is one, and wherever Triton is in its interpreter, on the CPU.

The interpreter keeps bfloat16 as bits, with which it can do nothing but convert, and where a GPU rounds to bfloat16 it
cuts off; so a test of bfloat16 there says that all arithmetic is float32, and nothing of the last bit. What it accepts
need not compile; so the kernels are compiled too, for GPUs that need not be there.
"""

import os
import re
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from tamis.layers import competitive_filter, competitive_sparse

triton = pytest.importorskip("triton")
IS_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if IS_INTERPRETED else "cuda"
runs_kernels = pytest.mark.skipif(
    not IS_INTERPRETED and not torch.cuda.is_available(), reason="needs a CUDA device, or TRITON_INTERPRET=1"
)
TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 2**-7, torch.float16: 2**-10}


@pytest.fixture
def kernels():
    from tamis.kernels.competition import TritonKernels

    return TritonKernels()


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))
    return numbers.to(DEVICE, dtype)


def exactly(z: Tensor, alpha: Tensor, gamma: Tensor, grad: Tensor) -> list[Tensor]:
    """Output and gradients of algorithm 1, in float64 by autograd."""
    leaves = [tensor.detach().double().requires_grad_() for tensor in (z, alpha, gamma)]
    left, values = (leaves[0], 1.0) if z.dim() == 3 else leaves[0].unbind(1)
    left = torch.relu(left)
    for rate in leaves[1].unbind(1):
        left = torch.relu(left - rate[:, None] * left.mean(2, keepdim=True))
    output = leaves[2] * left * values
    return [output.detach(), *torch.autograd.grad(output, leaves, grad.double())]


def in_both_directions(kernels, z: Tensor, alpha: Tensor, gamma: Tensor, grad: Tensor) -> list[Tensor]:
    output, steps = kernels.competitive_forward(z, alpha, gamma)
    return [output, *kernels.competitive_backward(z, alpha, gamma, steps, grad)]


def assert_all_close(ours: list[Tensor], theirs: list[Tensor], dtype: torch.dtype) -> None:
    assert ours[0].dtype == ours[1].dtype == dtype and ours[2].dtype == ours[3].dtype == torch.float32
    for mine, exact in zip(ours, theirs, strict=True):
        scale = exact.abs().max().clamp_min(1.0)
        torch.testing.assert_close(mine.double() / scale, exact / scale, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@runs_kernels
@pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: str(dtype).removeprefix("torch."))
@pytest.mark.parametrize("is_gated", [False, True], ids=["alone", "gated"])
@pytest.mark.parametrize(
    ("rows", "views", "width", "iterations"),
    [(1, 1, 1, 1), (70, 3, 33, 4), (33, 2, 128, 5), (3, 1, 2500, 3)],
    ids=["one number", "some of a tile", "many tiles", "wider than a tile"],
)
def test_competition(kernels, rows, views, width, iterations, is_gated, dtype):
    z = random(rows, *([2] if is_gated else []), views, width, dtype=dtype)
    # Rates as trained models hold them, some negative.
    alpha, gamma = 0.3 * random(views, iterations), random(views, width, seed=1)
    grad = random(rows, views, width, dtype=dtype, seed=2)
    ours = in_both_directions(kernels, z, alpha, gamma, grad)
    assert_all_close(ours, exactly(z, alpha, gamma, grad), dtype)


@runs_kernels
def test_who_lost_the_competition_is_exactly_zero(kernels):
    z, alpha = random(200, 3, 33), random(3, 6).abs()
    output, _ = kernels.competitive_forward(z, alpha, torch.ones(3, 33, device=DEVICE))
    assert (output >= 0).all() and (output == 0).float().mean() > 0.5
    assert not (output[output != 0] < 1e-9).any()  # nothing is left over from rounding


@runs_kernels
def test_the_numbers_of_each_step_are_those_of_the_other_kernels(kernels):
    z, alpha, gamma = random(9, 2, 3, 20), 0.3 * random(3, 4), random(3, 20)
    _, ours = kernels.competitive_forward(z, alpha, gamma)
    theirs = torch.empty_like(ours)
    competitive_filter._forward_chunk(z, alpha, gamma, theirs, torch.empty(9, 3, 20, device=DEVICE))
    # Means and counts of a step that is not taken are not set.
    torch.testing.assert_close(ours[:2], theirs[:2])
    torch.testing.assert_close(ours[2:, :-1], theirs[2:, :-1])


@runs_kernels
@pytest.mark.filterwarnings("ignore:invalid value encountered")  # by the interpreter, in numpy
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_hidden(kernels, poison):
    z, alpha, gamma = random(3, 2, 4), torch.full((2, 2), 0.1, device=DEVICE), torch.ones(2, 4, device=DEVICE)
    z[1, 1, 2] = poison
    output, steps = kernels.competitive_forward(z, alpha, gamma)
    assert not torch.isfinite(output[1, 1]).all()
    assert torch.isfinite(output[[0, 2]]).all() and torch.isfinite(output[1, 0]).all()
    grad_z, _, _ = kernels.competitive_backward(z, alpha, gamma, steps, torch.ones_like(output))
    assert torch.isfinite(grad_z[[0, 2]]).all()


@runs_kernels
def test_tensors_may_lie_in_memory_as_they_like(kernels):
    z, alpha = random(10, 3, 4, 7)[::2, :2], random(6, 4).t()[:, ::2] * 0.1
    gamma, grad = random(7, 4).t(), random(4, 5, 14).transpose(0, 1)[..., ::2]
    ours = in_both_directions(kernels, z, alpha, gamma, grad)
    assert_all_close(ours, exactly(z, alpha, gamma, grad), torch.float32)


@runs_kernels
def test_the_same_input_gives_the_same_bits(kernels):
    z, alpha, gamma = random(90, 2, 4, 32), 0.3 * random(4, 5), random(4, 32)
    grad = random(90, 4, 32, seed=1)
    first, second = (in_both_directions(kernels, z, alpha, gamma, grad) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@runs_kernels
def test_the_layer_takes_the_kernels_that_fit_and_gets_the_same(kernels, monkeypatch):
    monkeypatch.setattr(competitive_filter, "competition_for", lambda *tensors: kernels)
    inputs = (random(9, 2, 3, 20), 0.3 * random(3, 4), random(3, 20))
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    grad = random(9, 3, 20, seed=1)
    output = competitive_sparse(*leaves)
    ours = [output.detach(), *torch.autograd.grad(output, leaves, grad)]
    assert_all_close(ours, exactly(*inputs, grad), torch.float32)


@pytest.mark.skipif(IS_INTERPRETED, reason="this is inside the interpreter")
def test_all_of_this_in_the_interpreter():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        timeout=500,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= 31, done.stdout


@pytest.mark.skipif(IS_INTERPRETED, reason="the interpreter compiles nothing")
@pytest.mark.parametrize(
    ("backend", "architecture", "warp"), [("cuda", 80, 32), ("cuda", 90, 32), ("hip", "gfx942", 64)]
)
@pytest.mark.parametrize("number", ["bf16", "fp32"])
def test_it_compiles_for_gpus_that_are_not_here(backend, architecture, warp, number, tmp_path, monkeypatch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from tamis.kernels import competition

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    padded, tile, warps = competition._tile(128)
    constants = {"WIDTH": 128, "ITERATIONS": 5, "HAS_VALUES": True, "TILE": tile, "PADDED": padded}
    sums = {"PADDED_ITERATIONS": 8, "SUMMED_ROWS": competition._SUMMED_ROWS}
    pointers = {name: f"*{number}" for name in ("z", "output", "grad", "grad_z")}
    pointers |= dict.fromkeys(("alpha", "gamma", "steps", "alphas", "gammas"), "*fp32")
    for kernel, chosen in ((competition._forward, constants), (competition._backward, constants | sums)):
        kinds = pointers | dict.fromkeys(chosen, "constexpr")
        signature = {name: kinds.get(name, "i32") for name in kernel.arg_names}
        source = ASTSource(fn=kernel, signature=signature, constexprs=chosen)
        options = {"num_warps": warps, "enable_fp_fusion": True}
        made = triton.compile(source, target=GPUTarget(backend, architecture, warp), options=options)
        assert made.asm["cubin" if backend == "cuda" else "hsaco"]
