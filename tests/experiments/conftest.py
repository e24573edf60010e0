"""The scripts in ``experiments/`` import each other by file name; tests do the same while they run."""

import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture(autouse=True)
def experiments_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    yield
    for path in EXPERIMENTS.glob("*.py"):
        sys.modules.pop(path.stem, None)
