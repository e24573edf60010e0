"""Which of the known files a folder holds."""

from collections.abc import Mapping
from pathlib import Path

from tamis.data.recipes.recipe import Places
from tamis.errors import DataError


def named_folder(places: Places, name: str, way_out: str) -> Path:
    """The folder the user named, for data that cannot be fetched without agreeing to its terms.

    Raises:
        DataError: no folder was named, or it does not exist.
    """
    if places.folder is None:
        raise DataError(f"{name}: cannot be downloaded without accepting its terms. {way_out}.")
    if not places.folder.is_dir():
        raise DataError(f"{places.folder}: no such folder. {way_out}.")
    return places.folder


def find_file(folder: Path, *names: str) -> Path | None:
    """The first of ``names`` that ``folder`` holds, plain, gzip or Zstandard.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "train.txt.gz").touch()
        >>> find_file(folder, "train.csv", "train.txt").name
        'train.txt.gz'
    """
    forms = (folder / f"{name}{ending}" for name in names for ending in ("", ".gz", ".zst"))
    return next((path for path in forms if path.is_file()), None)


def find_parts(folder: Path, names: Mapping[str, str]) -> dict[str, Path] | None:
    """For each part its file, or None where one is missing."""
    found = {part: path for part, name in names.items() if (path := find_file(folder, name))}
    return found if len(found) == len(names) else None
