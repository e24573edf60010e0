"""The curve of a run, ``curve.jsonl``: one JSON object a line, from the first step to the last."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tamis.record.strict_json import parse_json, read_strictly, read_text, to_plain
from tamis.record.whole_file import write_whole


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One line of ``curve.jsonl``: the state of training after ``rows`` rows and ``seconds`` seconds."""

    step: int
    epoch: int
    rows: int
    seconds: float
    train_loss: float | None = None
    learning_rate: float | dict[str, float] | None = None
    valid: dict[str, int | float | None] | None = None

    def to_line(self) -> str:
        """The point as one line of JSON."""
        return json.dumps(to_plain(dataclasses.asdict(self), where="curve"), allow_nan=False) + "\n"


def write_curve(path: Path | str, points: Iterable[CurvePoint]) -> Path:
    """Write a whole curve; while training runs, ``training/curve.py`` appends to it."""
    return write_whole(path, "".join(point.to_line() for point in points))


def read_curve(path: Path | str) -> tuple[CurvePoint, ...]:
    """Read a curve; a last line cut short, as a killed run leaves it, is left out.

    Raises:
        DataError: the file cannot be read, or a line is not a point.
    """
    *lines, unfinished = read_text(path).split("\n")
    if unfinished:
        try:
            json.loads(unfinished)
            lines.append(unfinished)
        except json.JSONDecodeError:
            pass
    return tuple(
        read_strictly(CurvePoint, parse_json(line, where=where), what="curve point", where=where)
        for where, line in ((f"{path} line {number}", line) for number, line in enumerate(lines, start=1))
        if line.strip()
    )
