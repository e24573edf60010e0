"""Checksums of files: of the bytes as they lie there, or of the content of a compressed file."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tamis.data.readers.byte_stream import explain_read_errors, open_bytes
from tamis.errors import DataError

_BLOCK_BYTES = 1 << 20


def content_sha256(path: Path) -> str:
    """The SHA-256 of the content, decompressed, so that ``u.data`` and ``u.data.gz`` have one sum.

    Raises:
        DataError: the file is missing, empty or damaged.
    """
    digest = hashlib.sha256()
    with explain_read_errors(path), open_bytes(path) as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check_content(files: Iterable[Path], checksums: Mapping[str, str]) -> None:
    """Make sure that each file whose name (without ``.gz``) has a known checksum has that content.

    Raises:
        DataError: a file has another content.
    """
    for path in files:
        expected = checksums.get(path.name.removesuffix(".gz"))
        if expected is not None and (found := content_sha256(path)) != expected:
            raise DataError(
                f"{path}: its SHA-256 must be {expected}; got {found}: the file is damaged or was changed. "
                "Get it again, "
                "or read it as a data set of your own (by its path, not by the name of a recipe)."
            )
