"""Fitted encoders on disk: ``encoders.json``, and one Arrow file with the values of all vocabularies."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tamis.errors import CheckpointError
from tamis.features.atomic_file import write_atomically
from tamis.features.state import FittedState
from tamis.features.vocabulary import Vocabulary

FORMAT = 1
_JSON_NAME = "encoders.json"


def save_state(state: FittedState, folder: Path) -> None:
    """Write ``state`` into ``folder``; whoever reads at the same time finds the old state or the new one.

    The Arrow file is named after its content and ``encoders.json`` names it; so the one atomic step that puts
    the JSON in place also switches the values. Values that are no longer named are removed after it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = _to_arrow(state)
    checksum = hashlib.sha256(content).hexdigest()
    values_name = f"values-{checksum[:16]}.arrow"
    write_atomically(folder / values_name, content)
    head = {
        "format": FORMAT,
        "fingerprint": state.fingerprint,
        "values": {"file": values_name, "sha256": checksum},
    }
    text = json.dumps({**head, **state.to_json()}, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / _JSON_NAME, text.encode())
    for path in folder.glob("values-*.arrow"):
        if path.name != values_name:
            path.unlink(missing_ok=True)


def load_state(folder: Path) -> FittedState:
    """Read what ``save_state`` wrote.

    Raises:
        CheckpointError: a file is missing or damaged, or was written by another format version.
    """
    table = _read_json(folder / _JSON_NAME)
    values_path = folder / table["values"]["file"]
    try:
        content = values_path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{values_path}: no such file. Copy the whole folder, or fit again.") from None
    if hashlib.sha256(content).hexdigest() != table["values"]["sha256"]:
        raise CheckpointError(f"{values_path}: is damaged (its checksum differs). Copy it again, or fit again.")
    state = FittedState.from_json(table, _from_arrow(content, table))
    if state.fingerprint != table["fingerprint"]:
        raise CheckpointError(f"{folder / _JSON_NAME}: was changed after fitting (its fingerprint differs). Fit again.")
    return state


def _read_json(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file. Is this the folder of fitted encoders?") from None
    except ValueError as error:  # not JSON, or not UTF-8
        raise CheckpointError(f"{path}: is damaged ({error}). Copy it again, or fit again.") from None
    version = table.get("format") if isinstance(table, dict) else None
    if version != FORMAT:
        raise CheckpointError(f"{path}: has format {version!r}, this tamis reads format {FORMAT}. Fit again.")
    return table


def _to_arrow(state: FittedState) -> bytes:
    parts = [
        pl.DataFrame({"key": vocabulary.keys, "count": vocabulary.counts}).select(
            pl.lit(number, dtype=pl.Int32).alias("table"), "key", "count"
        )
        for number, vocabulary in enumerate(state.vocabularies.values())
    ]
    empty = pl.DataFrame(schema={"table": pl.Int32, "key": pl.String, "count": pl.Int64})
    buffer = io.BytesIO()
    pl.concat([empty, *parts]).write_ipc(buffer, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return buffer.getvalue()


def _from_arrow(content: bytes, table: dict[str, Any]) -> dict[str, Vocabulary]:
    values = pl.read_ipc(io.BytesIO(content))
    entries = {name: entry for name, entry in table["tables"].items() if "values" in entry}
    result, start = {}, 0
    for name, entry in entries.items():
        part = values.slice(start, entry["values"])
        start += entry["values"]
        counts: np.ndarray = part["count"].to_numpy()
        result[name] = Vocabulary(keys=part["key"].alias(""), counts=counts, missing_count=entry["missing_count"])
    return result
