"""The curve of a run: one JSON object a line, and TensorBoard events on request."""

import json
import math
import os
from pathlib import Path
from typing import Any

from tamis.errors import CheckpointError, ConfigError


class Curve:
    """Appends lines to ``curve.jsonl``; a resumed run cuts off what came after its checkpoint.

    Each line holds ``step, epoch, rows, seconds, train_loss, learning_rate, valid``; ``valid`` is null
    between validations, and what is not a number is null.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     curve = Curve(Path(folder) / "curve.jsonl")
        ...     curve.append({"step": 1, "valid": {"auc": math.nan}})
        ...     position = curve.sync()
        ...     curve.close()
        ...     (Path(folder) / "curve.jsonl").read_text()
        '{"step": 1, "valid": {"auc": null}}\\n'
    """

    def __init__(self, path: Path, *, position: int = 0, step: int = 0, tensorboard: bool = False) -> None:
        if position and (not path.is_file() or path.stat().st_size < position):
            size = path.stat().st_size if path.is_file() else 0
            raise CheckpointError(
                f"{path}: must hold the {position} bytes it had at the checkpoint; got {size}. "
                f"Put the file back, or delete the checkpoints and train from the beginning."
            )
        self._events = _open_events(path.parent / "tensorboard", step) if tensorboard else None
        self._file = open(path, "ab")  # noqa: SIM115 - it stays open for the whole run
        self._file.truncate(position)

    def append(self, line: dict[str, Any]) -> None:
        """Write one line."""
        self._file.write(json.dumps(_without_nan(line), allow_nan=False).encode() + b"\n")
        self._file.flush()
        if self._events is not None:
            for name in ("train_loss", "learning_rate"):
                self._events.add_scalar(name, line[name], line["step"])
            for name, value in (line["valid"] or {}).items():
                self._events.add_scalar(f"valid/{name}", value, line["step"])

    def sync(self) -> int:
        """Make the lines safe on disk; return how many bytes they are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._events is not None:
            self._events.close()


def _open_events(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(
            "tensorboard = true needs the package tensorboard, which is not installed. "
            "Install it with `pip install 'tamis[tensorboard]'`, or leave the setting out."
        ) from None
    return SummaryWriter(str(folder), purge_step=step)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
