"""What is free, read from made-up systems."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tamis.analysis import folder_bytes, free_disk_bytes, free_memory_bytes

GB = 10**9


@pytest.fixture
def system(tmp_path) -> Callable[..., Path]:
    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


MEMINFO = "MemTotal:       9000000 kB\nMemFree:         100 kB\nMemAvailable:   8000000 kB\n"


def test_without_a_limit_the_system_says_what_is_available(system):
    root = system(proc__meminfo=MEMINFO, proc__self__cgroup="0::/\n")
    assert free_memory_bytes(root) == 8_000_000 * 1024


def test_nobody_tells_where_there_is_no_such_file(tmp_path):
    assert free_memory_bytes(tmp_path) is None


def test_the_limit_of_a_control_group_counts_and_so_does_that_of_the_one_around_it(system):
    root = system(proc__meminfo=MEMINFO, proc__self__cgroup="0::/outer/inner\n")
    for place, limit, used in (("outer", 3 * GB, 2 * GB), ("outer/inner", "max", GB)):
        folder = root / "sys/fs/cgroup" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    assert free_memory_bytes(root) == GB
    # Pages of files that nobody uses can be given up.
    (root / "sys/fs/cgroup/outer/memory.stat").write_text(f"anon 5\ninactive_file {GB // 2}\n")
    assert free_memory_bytes(root) == GB + GB // 2


def test_the_older_control_groups_count_too(system):
    root = system(proc__meminfo=MEMINFO, proc__self__cgroup="5:cpu:/\n4:memory:/jobs/7\n0::/\n")
    folder = root / "sys/fs/cgroup/memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{2 * GB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{3 * GB}\n")
    assert free_memory_bytes(root) == 0
    (folder / "memory.stat").write_text(f"total_inactive_file {3 * GB // 2}\n")
    assert free_memory_bytes(root) == GB // 2


def test_a_folder_that_is_not_there_yet_has_the_room_of_its_disk(tmp_path):
    assert free_disk_bytes(tmp_path / "a" / "b") > 0
    assert folder_bytes(tmp_path / "a") == 0
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"12345")
    assert folder_bytes(tmp_path / "a") == 5
