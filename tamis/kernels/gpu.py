"""Triton's kernels, tried on two rows before they are used; where they fail, torch does the work and says why."""

import logging
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

_log = logging.getLogger("tamis.kernels")


class Competition(Protocol):
    """ICS in both directions, as ``Kernels`` has it for a CPU and ``TritonKernels`` for a GPU."""

    def competitive_forward(self, z: Tensor, alpha: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """The output, and the numbers of each step."""
        ...

    def competitive_backward(
        self, z: Tensor, alpha: Tensor, gamma: Tensor, steps: Tensor, grad: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of z, alpha and gamma."""
        ...


class GpuKernels:
    """The kernels of this process for CUDA tensors, until the first failure; ``problem`` is what failed."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self._tried: set[tuple[Any, ...]] = set()

    def fitting(self, z: Tensor, iterations: int) -> Competition | None:
        """The kernels, if they work for views like those of ``z``; each new shape is compiled, and tried here."""
        kind = (z.device, z.dtype, z.shape[1:], iterations)
        if self.problem is None and kind not in self._tried:
            self._tried.add(kind)
            self._try(z, iterations)
        return _triton_kernels() if self.problem is None else None

    def check(self) -> Exception | None:
        """What has failed so far, if only that Triton cannot be imported."""
        if self.problem is None:
            try:
                _triton_kernels()
            except ImportError as problem:
                self._give_up(problem)
        return self.problem

    def _try(self, z: Tensor, iterations: int) -> None:
        *_, views, width = z.shape
        few = z.new_zeros(2, *z.shape[1:])
        alpha, gamma = (few.new_zeros(views, size, dtype=torch.float32) for size in (iterations, width))
        try:
            kernels = _triton_kernels()
            output, steps = kernels.competitive_forward(few, alpha, gamma)
            kernels.competitive_backward(few, alpha, gamma, steps, output)
        except torch.OutOfMemoryError:
            raise
        except Exception as problem:  # noqa: BLE001 - whatever a compiler of others raises costs speed only
            self._give_up(problem)

    def _give_up(self, problem: Exception) -> None:
        self.problem = problem
        _log.info("ICS runs in torch, which is slower on a GPU: %r", problem)


@cache
def _triton_kernels() -> Competition:
    from tamis.kernels.competition import TritonKernels

    return TritonKernels()
