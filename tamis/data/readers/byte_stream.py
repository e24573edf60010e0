"""Bytes of a file, plain or compressed, with one sentence for everything that can be wrong with a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from tamis.errors import DataError

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def check_file(path: Path) -> None:
    """Make sure that ``path`` is a file with at least one byte.

    Raises:
        DataError: there is no such file, it is a folder, or it is empty.

    Example:
        >>> check_file(Path("nowhere.csv"))
        Traceback (most recent call last):
        tamis.errors.DataError: nowhere.csv: no such file. Check the path.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file. Check the path.")
    if path.is_dir():
        raise DataError(f"{path}: is a folder where a file is needed. Name the file inside it.")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes). Get or write the file again.")


def open_bytes(path: Path) -> pa.NativeFile:
    """A stream of the content, decompressed while reading if the file begins like gzip or Zstandard.

    The first bytes decide, not the extension: downloads lose or gain a ``.gz`` on their way.

    Raises:
        DataError: there is no such file, it is a folder, or its content is empty.
    """
    check_file(path)
    with open(path, "rb") as file:
        start = file.read(4)
    compression = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    if compression is None:
        return pa.OSFile(str(path))
    with pa.CompressedInputStream(pa.OSFile(str(path)), compression) as stream:
        if not stream.read(1):
            raise DataError(f"{path}: its content is empty (0 bytes). Get or write the file again.")
    return pa.CompressedInputStream(pa.OSFile(str(path)), compression)


@contextmanager
def explain_read_errors(path: Path) -> Iterator[None]:
    """Turn what is wrong with the bytes themselves (cut short, unreadable) into a ``DataError``."""
    try:
        yield
    except (OSError, EOFError) as error:
        reason = str(error)
        if "runcated" in reason:
            raise DataError(
                f"{path}: the compressed file is cut short (truncated). Copy or download it again."
            ) from None
        raise DataError(f"{path}: cannot be read: {reason}. Copy or download it again.") from None


def read_bytes(path: Path) -> bytes:
    """The whole content of a small file, decompressed.

    Raises:
        DataError: there is no such file, or it is empty or damaged.
    """
    with explain_read_errors(path), open_bytes(path) as stream:
        return stream.read()


def read_start(path: Path, size: int = 1 << 16) -> bytes:
    """Up to ``size`` bytes from the beginning of the content, decompressed.

    Raises:
        DataError: there is no such file, or it is empty or damaged.
    """
    with explain_read_errors(path), open_bytes(path) as stream:
        return stream.read(size)
