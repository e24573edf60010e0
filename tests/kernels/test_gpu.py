"""When Triton's kernels are taken, and what happens where they cannot be had; no GPU is needed to fail."""

import logging
import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tamis.kernels import competition_for, gpu, kernels_for, kernels_state, library
from tamis.kernels.gpu import GpuKernels


class Kernels:
    """Stands in for Triton's: works, or fails as told, and counts its calls."""

    def __init__(self, problem=None):
        self.problem, self.shapes = problem, []

    def competitive_forward(self, z, alpha, gamma):
        self.shapes.append((tuple(z.shape), tuple(alpha.shape), tuple(gamma.shape)))
        return z.new_zeros(2, *gamma.shape), alpha.new_zeros(4, alpha.shape[1] + 1, 2, gamma.shape[0])

    def competitive_backward(self, z, alpha, gamma, steps, grad):
        if self.problem is not None:
            raise self.problem
        return torch.zeros_like(z), torch.zeros_like(alpha), torch.zeros_like(gamma)


@pytest.fixture
def take(monkeypatch):
    """Put kernels in the place of Triton's."""

    def put(kernels):
        monkeypatch.setattr(gpu, "_triton_kernels", lambda: kernels)
        return kernels

    return put


@pytest.fixture
def anew(monkeypatch):
    """A process in which nothing has been tried, with a GPU as far as the choice of kernels can tell."""
    found = GpuKernels()
    monkeypatch.setattr(library, "_gpu", lambda: found)
    monkeypatch.delenv("TAMIS_KERNELS", raising=False)
    return found


def test_each_kind_of_views_is_tried_once_in_both_directions(take):
    kernels, found = take(Kernels()), GpuKernels()
    for rows in (7, 9):
        assert found.fitting(torch.ones(rows, 2, 3, 5), iterations=4) is kernels
    assert kernels.shapes == [((2, 2, 3, 5), (3, 4), (3, 5))]
    found.fitting(torch.ones(7, 2, 3, 5), iterations=2)
    found.fitting(torch.ones(7, 2, 3, 5, dtype=torch.bfloat16), iterations=4)
    assert len(kernels.shapes) == 3


@pytest.mark.parametrize("problem", [RuntimeError("no C compiler"), AssertionError("no C compiler")])
def test_what_does_not_compile_is_left_to_torch_and_said_once(take, anew, caplog, problem):
    kernels = take(Kernels(problem))
    with caplog.at_level(logging.INFO, logger="tamis.kernels"):
        for width in (5, 6):
            assert anew.fitting(torch.ones(7, 3, width), iterations=4) is None
    assert len(kernels.shapes) == 1
    assert [record.message for record in caplog.records] == [
        f"ICS runs in torch, which is slower on a GPU: {problem!r}"
    ]
    assert kernels_state("cuda") == "torch: no C compiler"


def test_without_triton_torch_does_the_work(anew, monkeypatch):
    gpu._triton_kernels.cache_clear()
    monkeypatch.setitem(sys.modules, "tamis.kernels.competition", None)
    assert anew.fitting(torch.ones(7, 3, 5), iterations=4) is None
    assert kernels_state("cuda").startswith("torch: import of tamis.kernels.competition halted")


def test_the_state_of_a_gpu_is_known_before_anything_was_tried(anew, take, monkeypatch):
    take(Kernels())
    assert kernels_state(torch.device("cuda", 1)) == "triton"
    monkeypatch.setenv("TAMIS_KERNELS", "off")
    assert kernels_state("cuda") == "torch: TAMIS_KERNELS is off"


def test_a_gpu_without_memory_is_not_taken_for_one_without_kernels(take):
    take(Kernels(torch.OutOfMemoryError("full")))
    found = GpuKernels()
    with pytest.raises(torch.OutOfMemoryError):
        found.fitting(torch.ones(7, 3, 5), iterations=4)
    assert found.problem is None


def test_a_gpu_gets_them_for_its_numbers_and_for_tensors_that_agree(anew, monkeypatch):
    monkeypatch.setattr(anew, "fitting", lambda z, iterations: (z.dtype, iterations))
    with FakeTensorMode(), torch.device("cuda"):
        alpha, whole, half = torch.ones(1, 5), torch.ones(2, 1, 4), torch.ones(2, 1, 4, dtype=torch.float16)
        for z in (whole, half, whole.bfloat16()):
            assert competition_for(z, alpha, torch.ones_like(z)) == (z.dtype, 5)
        assert competition_for(whole, alpha, half) is None
        assert competition_for(whole.double(), alpha) is None
        assert kernels_for(whole) is None
        monkeypatch.setenv("TAMIS_KERNELS", "off")
        assert competition_for(whole, alpha) is None


def test_a_processor_gets_its_own_kernels():
    z, alpha = torch.ones(2, 1, 4), torch.ones(1, 5)
    assert competition_for(z, alpha, z) is kernels_for(z)
    assert competition_for(z, alpha, z.bfloat16()) is None
