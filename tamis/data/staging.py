"""A data folder under construction: unseen until a manifest names it, swept away when its maker dies."""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: abandoned folders stay there until somebody removes them
    fcntl = None

LOCK = "being-written.lock"
_STAGING, _PUBLISHED = re.compile(r"encoding-\w+\.partial"), re.compile(r"[0-9a-f]{16}(-\d+)?")


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Make a folder to write a new data set into; it is removed again unless it was published.

    A lock file inside is held for as long as this process lives, so another process can tell a folder that
    is being written from one that a killed process left behind, whatever became of process numbers since.
    """
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="encoding-", suffix=".partial", dir=parent))
    folder.chmod(0o755)  # mkdtemp lets nobody else in
    try:
        with _held(folder / LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # gone already if it was published


def publish(staging: Path, *, name: str, announce: Callable[[str], None]) -> Path:
    """Give a finished staging folder its name, adding a number when that is taken, and ``announce`` the name.

    If the announcement fails the folder goes; until it succeeds the folder counts as being written.
    """
    place = next(path for path in _candidates(staging.parent, name) if not path.exists())
    os.rename(staging, place)
    try:
        announce(place.name)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    (place / LOCK).unlink()
    return place


def _candidates(parent: Path, name: str) -> Iterator[Path]:
    yield parent / name
    yield from (parent / f"{name}-{number}" for number in itertools.count(1))


def sweep(parent: Path, *, published: bool = True, keep: str = "") -> None:
    """Remove folders of ours that nobody writes: of killed runs and, if ``published``, all but ``keep``."""
    if not parent.is_dir():
        return
    for folder in parent.iterdir():
        lock = folder / LOCK
        if _STAGING.fullmatch(folder.name):
            is_ours = lock.is_file() and _is_free(lock)
        else:
            is_ours = published and folder.name != keep and _PUBLISHED.fullmatch(folder.name) is not None
            is_ours = is_ours and (not lock.is_file() or _is_free(lock))
        if is_ours:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock on a new file; the system lets go of it when the process ends, however it ends."""
    path.touch()
    if fcntl is None:
        yield
        return
    with open(path, "rb") as lock:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _is_free(path: Path) -> bool:
    """Whether no living process holds the lock."""
    if fcntl is None:
        return False
    with open(path, "rb") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held, or a file system without locks: then it is not ours to judge
            return False
    return True
