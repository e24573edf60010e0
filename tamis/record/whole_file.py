"""Writing a text file whole or not at all."""

import os
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
