"""Small logs with a known truth, and studies that take seconds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from tamis.features import Schema


@pytest.fixture
def in_this_process(monkeypatch):
    """Jobs run in a thread of this process: no start of processes, where their life is not what is tested."""
    monkeypatch.setattr("tamis.study.processes.ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))


@pytest.fixture
def plant(tmp_path):
    """Write a log in which user and item decide the click (or nothing does) and return its [[data]] block."""

    def write(name, *, seed=0, rows=1500, signal=1.0, **block):
        random = np.random.default_rng(seed)
        user, item = random.integers(0, 30, rows), random.integers(0, 20, rows)
        taste, charm = random.normal(0, 1.5, 30), random.normal(0, 1.5, 20)
        chance = 1 / (1 + np.exp(-signal * (taste[user] + charm[item])))
        log = pl.DataFrame({"user": user, "item": item, "click": random.binomial(1, chance)})
        log = log.with_columns(pl.col("user", "item").cast(pl.String))
        log.write_parquet(tmp_path / f"{name}.parquet")
        schema = tmp_path / f"{name}.schema.toml"
        Schema.infer(log, label="click").save(schema)
        paths = {"path": str(tmp_path / f"{name}.parquet"), "schema": str(schema), "folder": str(tmp_path / "d" / name)}
        return {"name": name, **paths, **block}

    return write


@pytest.fixture(scope="session")
def tiny(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    """The module ``tiny_study.py`` beside this file, which other processes import too."""
    return module_at(Path(__file__).with_name("tiny_study.py"))
