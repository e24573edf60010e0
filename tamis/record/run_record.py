"""The record of one run: every number, and what is needed to believe and repeat it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.errors import DataError
from tamis.record.strict_json import parse_json, read_strictly, read_text, to_plain
from tamis.record.whole_file import write_whole

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything about one run that a reader needs to believe it and to repeat it.

    A metric that is not defined (AUC of one class) is None, ``null`` in the file. ``reliability`` holds bins
    ``{rows, predicted, observed}``; ``slices`` holds ``{slice, value, rows, positives, auc, log_loss}``. ``plan`` is
    what the run was expected to need of memory, disk and time. ``worth`` holds ``{name, worth, error, z, kept}`` for
    each field of a run that chose its fields; where a context had a say, also ``left_out_in``, the context's values in
    which the field does not count, and in the line of the context itself all its ``values``.

    Raises:
        DataError: on reading, a key is unknown, missing or of the wrong type, or the file's format is newer.

    Example:
        >>> record = RunRecord(dataset="adult", split="random-8-1-1", model="mlp", seed=0, test={"auc": 0.9})
        >>> RunRecord.from_json(record.to_json(), where="record.json") == record
        True
        >>> RunRecord.from_json({"format": 1, "tset": {}}, where="record.json")
        Traceback (most recent call last):
        tamis.errors.DataError: record.json: a run record has no key 'tset'. Did you mean 'test'?
    """

    dataset: str
    split: str
    model: str
    seed: int
    preset: str | None = None
    status: str | None = None
    source: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    flops: dict[str, int | float | None] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, int | float | None] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    valid: dict[str, int | float | None] = field(default_factory=dict)
    test: dict[str, int | float | None] = field(default_factory=dict)
    reliability: tuple[dict[str, int | float | None], ...] = ()
    slices: tuple[dict[str, Any], ...] = ()
    unseen: dict[str, int] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    worth: tuple[dict[str, Any], ...] = ()
    format: int = FORMAT

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks with numbers of their own beside the mean over tasks, in order; none where there is one task.

        Example:
            >>> RunRecord(dataset="d", split="s", model="m", seed=0, test={"auc": 0.7, "pay.auc": 0.7}).tasks
            ('pay',)
        """
        return tuple(name.removesuffix(".auc") for name in self.test or self.valid if name.endswith(".auc"))

    def to_json(self) -> dict[str, Any]:
        """The record as JSON can hold it: nan and infinity become None, numpy numbers become Python's."""
        names = ["format", *(part.name for part in dataclasses.fields(self) if part.name != "format")]
        return {name: to_plain(getattr(self, name), where=name) for name in names}

    @classmethod
    def from_json(cls, table: Any, *, where: str) -> "RunRecord":
        """Read what ``to_json`` gave, strictly; ``where`` begins every error message."""
        if isinstance(table, Mapping) and isinstance(table.get("format"), int) and table["format"] > FORMAT:
            raise DataError(f"{where}: has format {table['format']}; this tamis reads up to {FORMAT}. Upgrade tamis.")
        return read_strictly(cls, table, what="run record", where=where)

    def save(self, path: Path | str) -> Path:
        """Write the record as one JSON file, whole or not at all."""
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        return write_whole(path, text + "\n")

    @classmethod
    def load(cls, path: Path | str) -> "RunRecord":
        """Read the file that ``save`` wrote."""
        return cls.from_json(parse_json(read_text(path), where=str(path)), where=str(path))
