"""What is free: memory within the limits of this process, and room on a disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path


def free_memory_bytes(system: Path = Path("/")) -> int | None:
    """The memory that can still be had without swapping, a container's limit included; None where nobody tells.

    Linux says what is available in ``/proc/meminfo``, and in the control groups of the process what it may use; pages
    of files that can be given up count as free in both. ``system`` is where ``proc`` and ``sys`` lie.

    Example:
        >>> import sys
        >>> sys.platform != "linux" or free_memory_bytes() > 0
        True
    """
    found = [*_available(system), *_left_in_groups(system)]
    return max(0, min(found)) if found else None


def free_disk_bytes(folder: Path) -> int:
    """The room on the disk of ``folder``, which need not exist yet."""
    folder = folder.absolute()
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def folder_bytes(folder: Path) -> int:
    """What all files below ``folder`` take; 0 if there is no such folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _available(system: Path) -> Iterator[int]:
    for line in _read(system / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _left_in_groups(system: Path) -> Iterator[int]:
    """What is left in each control group of this process and in those around it, of either version."""
    for line in _read(system / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = system / "sys/fs/cgroup"
            names = ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = system / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = root / path.lstrip("/")
        for place in (group, *group.parents):
            yield from _left(place, *names)
            if place == root:
                break


def _left(group: Path, limit_name: str, used_name: str, file_name: str) -> Iterator[int]:
    limit, used = _read(group / limit_name).strip(), _read(group / used_name).strip()
    if limit.isdecimal() and used.isdecimal():
        stat = dict(line.split() for line in _read(group / "memory.stat").splitlines())
        yield int(limit) - int(used) + int(stat.get(file_name, 0))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
