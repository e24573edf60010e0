"""What the drivers share: the job they are given, the rows of the log, and the facts they leave.

A driver runs in the environment of its own library, so this file needs NumPy alone. Drivers are not named after
their library, which would hide it from ``import``.
"""

import importlib.metadata
import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to do, as ``benchmarks/peers.py`` writes it to a JSON file.

    - ``task``: ``train`` the model on ``log`` and score its test part, or ``encode`` the CSV file ``log``
    - ``folder``: where ``facts.json`` and ``scores.npy`` go, and whatever the library writes
    - ``names``, ``sizes``: the fields in their order and the number of ids of each; ids 0 and 1 are not in use
    """

    task: str
    folder: Path
    log: Path
    names: list[str]
    sizes: list[int]
    dim: int
    crosses: int
    hidden: list[int]
    batch_size: int
    epochs: int
    learning_rate: float
    seed: int

    @classmethod
    def read(cls) -> "Job":
        """Read the job named on the command line."""
        table = json.loads(Path(sys.argv[1]).read_text())
        return cls(**{**table, "folder": Path(table["folder"]), "log": Path(table["log"])})

    def rows(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Ids ``(rows, fields)`` int32 and labels ``(rows,)`` float32 of ``train``, ``valid`` or ``test``."""
        with np.load(self.log) as arrays:
            return arrays[f"{part}_ids"], arrays[f"{part}_labels"]

    def columns(self, part: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The same rows with an array for each field."""
        ids, labels = self.rows(part)
        return {name: np.ascontiguousarray(ids[:, i]) for i, name in enumerate(self.names)}, labels

    def finish(self, *, packages: list[str], scores: np.ndarray | None = None, **facts: Any) -> None:
        """Leave the scores of the test part and what was measured."""
        if scores is not None:
            np.save(self.folder / "scores.npy", np.asarray(scores, dtype=np.float64).reshape(-1))
        versions = {package: importlib.metadata.version(package) for package in packages}
        facts["versions"] = {"python": platform.python_version(), **versions}
        (self.folder / "facts.json").write_text(json.dumps(facts))


class Stopwatch:
    """Seconds between two moments; ``lap`` gives those since the last one."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap, or since the start."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds


def peak_megabytes() -> float:
    """The most memory this process has held at any time, as Linux counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return round(int(kilobytes) / 1e3, 1)


def count_parameters(model: Any) -> int:
    """The number of weights of a torch module, tables included."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
