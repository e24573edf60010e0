"""Writing a text file, and removing a folder, whole or not at all."""

import os
import shutil
from pathlib import Path


def write_whole(path: Path | str, text: str) -> Path:
    """Write a text file so that a reader finds the old one or the new one, never a part; folders are made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(aside, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def remove_whole(folder: Path | str) -> None:
    """Remove a folder so that a killed process leaves all of it or nothing by its name; one that is not there is gone.

    What is left of a removal that was cut short lies beside it, with a dot before its name, until the next removal.
    """
    folder = Path(folder)
    aside = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        os.replace(folder, aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)
