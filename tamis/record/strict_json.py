"""JSON read strictly and written plainly: a key nobody knows is refused, nan becomes null."""

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tamis.config import read_config
from tamis.errors import ConfigError, DataError


def read_strictly(cls: type[Any], table: Any, *, what: str, where: str) -> Any:
    """Build the dataclass ``cls`` from parsed JSON; ``what`` it is and ``where`` it lies begin the errors.

    Raises:
        DataError: a key is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(table, Mapping):
        raise DataError(f"{where}: a {what} must be a JSON object; got {type(table).__name__}.")
    names = [part.name for part in dataclasses.fields(cls)]
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."
            raise DataError(f"{where}: a {what} has no key {key!r}. {hint}")
    for part in dataclasses.fields(cls):
        is_required = part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
        if is_required and part.name not in table:
            raise DataError(f"{where}: a {what} needs the key {part.name!r}, which is missing. Run it again.")
    try:
        return read_config(cls, table, where=where)
    except ConfigError as error:
        raise DataError(str(error)) from None


def read_text(path: Path | str) -> str:
    """The text of a file of a run, or one sentence why there is none."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. Give the folder of a finished run.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not text in UTF-8. Give the folder of a finished run.") from None


def parse_json(text: str, *, where: str) -> Any:
    """Parse one JSON document, or one sentence why it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: is not valid JSON: {error}. The file is damaged; run it again.") from None


def to_plain(value: Any, *, where: str) -> Any:
    """Turn a value into what JSON holds: nan and infinity become None, arrays lists; ``where`` names it in
    errors.

    Example:
        >>> to_plain({"auc": float("nan"), "hidden": (8, 4)}, where="record")
        {'auc': None, 'hidden': [8, 4]}
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, where=f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [to_plain(item, where=f"{where}[]") for item in items]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "tolist"):
        return to_plain(value.tolist(), where=where)
    if isinstance(value, Path):
        return value.as_posix()
    raise DataError(f"a run record cannot hold {where}: {value!r} of type {type(value).__name__}. Pass plain data.")
