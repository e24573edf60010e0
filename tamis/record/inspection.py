"""What ``tamis inspect`` found in one trained model: where weights and activations are zero, and what that saves."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.errors import DataError
from tamis.record.strict_json import parse_json, read_strictly, read_text, to_plain
from tamis.record.whole_file import write_whole

INSPECTION_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Every number of the sparsity of one model; ``untrained`` beside ``trained`` is the same model before training.

    - ``layers``: each weight matrix: ``{name, blocks, outputs, inputs, reads_fields, trained, untrained}`` with shares
      of weights below the ``thresholds``, the ``curve`` of weight mass at ``curve_shares`` of the input dimensions, the
      smallest share that holds 80 % of it, ranks, and shares of magnitudes between ``magnitude_edges`` (log10); where
      it reads the fields, ``fields`` holds the share of the mass of each.
    - ``filters``: each filter of SSR, ``{name, kind, views, width, sources, ...}``; ``relu_layers``: hidden layers.
    - ``milliseconds``: lower quartile, median, upper quartile of each way, for the model and for each block.
    - ``not_inspected``: layers with weights of another kind.

    Without rows there are neither activations nor milliseconds. A number that is not defined is None.

    Raises:
        DataError: on reading, a key is unknown, missing or of the wrong type, or the file's format is newer.

    Example:
        >>> found = Inspection(model="mlp", rows=0, layers=({"name": "hidden.linears.0"},))
        >>> Inspection.from_json(found.to_json(), where="inspection.json") == found
        True
    """

    model: str
    rows: int
    preset: str | None = None
    dataset: str | None = None
    split: str | None = None
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    num_fields: int = 0
    thresholds: dict[str, float] = field(default_factory=dict)
    magnitude_edges: tuple[float, ...] = ()
    curve_shares: tuple[float, ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
    not_inspected: tuple[str, ...] = ()
    filters: tuple[dict[str, Any], ...] = ()
    relu_layers: tuple[dict[str, Any], ...] = ()
    milliseconds: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    format: int = INSPECTION_FORMAT

    def to_json(self) -> dict[str, Any]:
        """The inspection as JSON can hold it."""
        names = ["format", *(part.name for part in dataclasses.fields(self) if part.name != "format")]
        return {name: to_plain(getattr(self, name), where=name) for name in names}

    @classmethod
    def from_json(cls, table: Any, *, where: str) -> "Inspection":
        """Read what ``to_json`` gave, strictly; ``where`` begins every error message."""
        newest = INSPECTION_FORMAT
        if isinstance(table, Mapping) and isinstance(table.get("format"), int) and table["format"] > newest:
            raise DataError(f"{where}: has format {table['format']}; this tamis reads up to {newest}. Upgrade tamis.")
        return read_strictly(cls, table, what="record of an inspection", where=where)

    def save(self, path: Path | str) -> Path:
        """Write one JSON file, a line for each key, layer and filter: small, and still to be compared line by line."""
        lines = [f" {json.dumps(name)}: {_lines(value)}" for name, value in self.to_json().items()]
        return write_whole(path, "{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def load(cls, path: Path | str) -> "Inspection":
        """Read the file that ``save`` wrote."""
        return cls.from_json(parse_json(read_text(path), where=str(path)), where=str(path))


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {_line(item)}" for item in value) + "\n ]"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
