"""One at a time: locks on folders, which the system lets go of when their holder ends, however it ends."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tamis.errors import ConfigError

try:
    import fcntl
except ImportError:  # not on Windows: there nobody is kept apart
    fcntl = None

LOCK = "being-run.lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only process that trains into ``folder``, which is made; whoever else would is refused meanwhile.

    Raises:
        ConfigError: another process does so now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "a+", encoding="utf-8") as file:
        if not _takes(file.fileno(), waits=False):
            file.seek(0)
            raise ConfigError(
                f"{folder}: only one study at a time may train into these folders, and {file.read() or 'another'} does "
                "so now. Wait until it has ended, or give this one a folder of its own with --runs."
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} of {platform.node()}")
        file.flush()
        yield


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Wait until no other process is in turn in ``folder``, and leave no trace there."""
    if fcntl is None:
        yield
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        _takes(place, waits=True)
        yield
    finally:
        os.close(place)


def _takes(place: int, *, waits: bool) -> bool:
    """Whether what is open is ours now; on a system of files without locks it always is."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(place, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
