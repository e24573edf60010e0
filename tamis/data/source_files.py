"""The files an encoded set was made from: how they looked then, and whether they still look so."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tamis.errors import DataError


@dataclass(frozen=True, kw_only=True)
class SourceEntry:
    """One source file as it was when it was encoded; ``split`` is the split it was given for, or empty."""

    name: str
    path: str
    bytes: int
    mtime_ns: int
    sha256: str
    split: str = ""

    def seen_at(self, path: Path) -> "SourceEntry":
        """The same content, found at ``path`` with that file's date."""
        return replace(self, name=path.name, path=str(path.resolve()), mtime_ns=path.stat().st_mtime_ns)


def checksum(path: Path) -> str:
    """The sha256 of a file, read in a stream."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_file(path: Path, *, split: str = "") -> SourceEntry:
    """Read a file once and say how it looks."""
    facts = path.stat()
    return SourceEntry(
        name=path.name,
        path=str(path.resolve()),
        bytes=facts.st_size,
        mtime_ns=facts.st_mtime_ns,
        sha256=checksum(path),
        split=split,
    )


def is_unchanged(entry: SourceEntry, path: Path) -> bool:
    """Whether ``path`` holds what ``entry`` describes; it is read only when size and time do not decide."""
    facts = path.stat()
    if facts.st_size != entry.bytes:
        return False
    if facts.st_mtime_ns == entry.mtime_ns and str(path.resolve()) == entry.path:
        return True
    return checksum(path) == entry.sha256


def check_unchanged(entries: Iterable[SourceEntry]) -> None:
    """Compare source files with what they were when they were encoded; a file that is gone is not asked for.

    An encoded set needs its sources no more, so they may be moved away; but a source that says something
    else now means that results would be credited to a file that did not give them.

    Raises:
        DataError: a file has another content than when it was encoded.
    """
    for entry in entries:
        path = Path(entry.path)
        if path.is_file() and not is_unchanged(entry, path):
            facts = path.stat()
            raise DataError(
                f"{path} changed since it was encoded: it must hold {entry.bytes} bytes with sha256 "
                f"{entry.sha256[:12]}…; it holds {facts.st_size} bytes, written {_when(facts.st_mtime_ns)} "
                f"(before: {_when(entry.mtime_ns)}). Prepare the data set again (`tamis data prepare`), "
                "or put the old file back."
            )


def check_same_dates(entries: Iterable[SourceEntry]) -> None:
    """Make sure that no file was written to since ``entries`` were made, by size and time alone.

    Raises:
        DataError: a file was written to.
    """
    for entry in entries:
        facts = Path(entry.path).stat()
        if (facts.st_size, facts.st_mtime_ns) != (entry.bytes, entry.mtime_ns):
            raise DataError(
                f"{entry.path} was written to ({_when(facts.st_mtime_ns)}) while it was being encoded. "
                "Wait until it is complete and prepare the data set again."
            )


def _when(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns / 1e9).astimezone().isoformat(sep=" ", timespec="seconds")
