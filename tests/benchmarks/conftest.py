"""The scripts in ``benchmarks/`` import each other by file name; tests do the same while they run."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)
