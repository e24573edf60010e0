"""What speed and numbers depend on besides the code: the machine and the versions of the packages."""

import importlib.metadata
import os
import platform
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

NOTED_PROCESSOR_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    "asimd",
    "sve",
    "bf16",
)


def versions(packages: Sequence[str] = ("tamis", "torch", "numpy", "polars", "pyarrow")) -> dict[str, str]:
    """The version of Python and of each named package that is installed.

    Example:
        >>> sorted(versions(["numpy", "no-such-package"]))
        ['numpy', 'python']
    """
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine(*, torch_threads: int | None = None) -> dict[str, Any]:
    """The facts of this machine that speed depends on; what the system does not tell is None.

    ``torch_threads`` is passed in, because this file does not know torch. The host's name is nobody's
    business.

    Example:
        >>> sorted(machine(torch_threads=2))
        ['cores', 'flags', 'memory_bytes', 'processor', 'system', 'torch_threads']
    """
    processor, flags = _processor()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        memory = None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor,
        "cores": cores,
        "memory_bytes": memory,
        "flags": [flag for flag in NOTED_PROCESSOR_FLAGS if flag in flags],
        "system": f"{platform.system()} {platform.machine()}",
        "torch_threads": torch_threads,
    }


def _processor() -> tuple[str | None, frozenset[str]]:
    """Name and flags of the processor, from Linux's own list where there is one."""
    facts: dict[str, str] = dict(_processor_facts())
    name = facts.get("model name") or platform.processor() or platform.machine() or None
    return name, frozenset((facts.get("flags") or facts.get("Features") or "").split())


def _processor_facts() -> Iterator[tuple[str, str]]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return
    first_core = text.split("\n\n")[0]
    yield from re.findall(r"^([^\t:]+?)\s*: (.*)$", first_core, flags=re.MULTILINE)


def command_line(*program: str) -> str:
    """The command that was given, for a record: ``program`` and its arguments, without what only this machine has.

    An absolute path becomes ``FOLDER``, or its last part in ``FOLDER`` if that has an ending. ``--resume`` is left out:
    a run that was never cut short gives the same bits.

    Example:
        >>> from unittest.mock import patch
        >>> with patch("sys.argv", ["tamis", "train", "/my/mlp.toml", "--from=/my/log", "--seed", "1"]):
        ...     command_line("tamis")
        'tamis train FOLDER/mlp.toml --from=FOLDER --seed 1'
    """
    return shlex.join([*program, *(_without_place(argument) for argument in sys.argv[1:] if argument != "--resume")])


def _without_place(argument: str) -> str:
    option, equals, value = argument.rpartition("=")
    path = Path(value)
    if not path.is_absolute():
        return argument
    return f"{option}{equals}FOLDER/{path.name}" if path.suffix else f"{option}{equals}FOLDER"
