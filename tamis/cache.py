"""The folder for what can be fetched or made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder that TAMIS_CACHE names, else ``~/.cache/tamis``."""
    return Path(os.environ.get("TAMIS_CACHE") or "~/.cache/tamis").expanduser()
