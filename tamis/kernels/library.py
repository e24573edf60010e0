"""Compile the kernels once a machine, load them, or say why they are not there."""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from tamis.cache import cache_folder
from tamis.kernels.gpu import Competition, GpuKernels
from tamis.kernels.rows import NUMBERS, Kernels

SOURCE = Path(__file__).with_name("rows.cpp")
# No -ffast-math: a NaN must stay one, so that training can say that the loss is not finite.
FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fopenmp",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
)
COMPILE_SECONDS = 120
GPU_NUMBERS = (*NUMBERS, torch.float16)

_log = logging.getLogger("tamis.kernels")


def kernels_for(*tensors: Tensor) -> Kernels | None:
    """The kernels, if they can work on these tensors; else None, and torch does the work.

    They are for float32 and bfloat16 on a CPU, all tensors alike, and leave graphs that are being compiled or exported
    alone. TAMIS_KERNELS=off turns them off.

    Example:
        >>> kernels_for(torch.ones(2, dtype=torch.float64)) is None
        True
    """
    first = tensors[0]
    if first.dtype not in NUMBERS or torch.compiler.is_compiling():
        return None
    if any(tensor.device.type != "cpu" or tensor.dtype != first.dtype for tensor in tensors):
        return None
    if os.environ.get("TAMIS_KERNELS") == "off":
        return None
    return _load(first.dtype)[0]


def competition_for(z: Tensor, alpha: Tensor, *others: Tensor) -> Competition | None:
    """The kernels for ICS of ``z`` with the rates ``alpha``, in C++ on a CPU, in Triton on a GPU; or None.

    On a GPU they are for float16 too, ``z`` and ``others`` alike.

    Example:
        >>> competition_for(torch.ones(2, 1, 4, dtype=torch.float64), torch.ones(1, 5)) is None
        True
    """
    if z.device.type != "cuda":
        return kernels_for(z, *others)
    if z.dtype not in GPU_NUMBERS or torch.compiler.is_compiling() or os.environ.get("TAMIS_KERNELS") == "off":
        return None
    if any(tensor.device != z.device or tensor.dtype != z.dtype for tensor in others):
        return None
    return _gpu().fitting(z, alpha.shape[1])


def kernels_state(device: torch.device | str = "cpu") -> str:
    """What does the work on a device: ``"compiled"`` or ``"triton"``, or ``"torch"`` and why; for records.

    Example:
        >>> kernels_state().split(":")[0] in ("compiled", "torch")
        True
    """
    if os.environ.get("TAMIS_KERNELS") == "off":
        return "torch: TAMIS_KERNELS is off"
    if torch.device(device).type == "cuda":
        problem = _gpu().check()
        return "triton" if problem is None else f"torch: {_first_line(problem)}"
    kernels, reason = _load(torch.float32)
    return "compiled" if kernels is not None else f"torch: {reason}"


@cache
def _gpu() -> GpuKernels:
    return GpuKernels()


@cache
def _load(dtype: torch.dtype) -> tuple[Kernels | None, str]:
    """Compile if needed and load, once a process; a failure costs speed only, so it is logged and not raised."""
    try:
        return Kernels(ctypes.CDLL(str(_compiled(NUMBERS[dtype])))), ""
    except (OSError, subprocess.SubprocessError) as problem:
        reason = _first_line(problem)
        _log.info("the SSR layers run in torch, which is slower on a CPU: %s", reason)
        return None, reason


def _compiled(number: str) -> Path:
    """The shared library for one kind of number, this source, compiler and processor, made if it is not in the cache.

    Raises:
        OSError: there is no compiler, or no place to write.
        subprocess.SubprocessError: the compiler fails or takes too long.
    """
    names = (os.environ.get("CXX"), "g++", "c++", "clang++")
    compiler = next((path for name in names if name and (path := shutil.which(name))), None)
    if compiler is None:
        raise OSError("no C++ compiler was found (CXX, g++, c++, clang++).")
    version = subprocess.run(
        [compiler, "--version"], capture_output=True, text=True, check=True, timeout=COMPILE_SECONDS
    )
    flags = (*FLAGS, f"-DNUMBER={number}", "-shared", "-fPIC")
    parts = (SOURCE.read_text(), *flags, version.stdout, platform.machine(), _processor_flags())
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    place = cache_folder() / "kernels" / f"{SOURCE.stem}-{number}-{key}.so"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            aside = Path(folder) / place.name
            command = [compiler, *flags, "-o", str(aside), str(SOURCE)]
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=COMPILE_SECONDS)
            # Processes that start together may each compile; whoever is last replaces equal with equal.
            os.replace(aside, place)
    return place


def _processor_flags() -> str:
    """What ``-march=native`` depends on, as far as the system tells: one home folder may serve several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())


def _first_line(problem: Exception) -> str:
    said = getattr(problem, "stderr", None) or str(problem)
    return said.strip().splitlines()[0] if said.strip() else type(problem).__name__
