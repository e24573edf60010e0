"""Fixtures that every test may ask for."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository, which is not part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the data folder beside the repository")
    return folder


@pytest.fixture(scope="session")
def module_at() -> Callable[[Path], ModuleType]:
    """Load a module beside a test by its path; other processes import the same file by its name."""

    def load(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def scripts_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a folder of scripts on the path, which import each other by file name, until the test is over."""
    folders = []

    def put(name: str) -> None:
        folders.append(Path(__file__).resolve().parents[1] / name)
        monkeypatch.syspath_prepend(folders[-1])

    yield put
    for path in (path for folder in folders for path in folder.glob("*.py")):
        sys.modules.pop(path.stem, None)


@pytest.fixture(scope="session")
def click_log() -> pl.DataFrame:
    """A made-up log of 2,000 rows with every kind of input, in which user and item decide the click."""
    random = np.random.default_rng(0)
    rows = 2000
    user, item = random.integers(0, 40, rows), random.integers(0, 30, rows)
    taste, charm = random.normal(0, 1.5, 40), random.normal(0, 1.5, 30)
    price = random.lognormal(2.0, 1.0, rows)
    chance = 1 / (1 + np.exp(-(taste[user] + charm[item] - 0.1 * np.log(price))))
    tags = [[f"t{tag}" for tag in random.integers(0, 6, random.integers(0, 4))] for _ in range(rows)]
    return pl.DataFrame(
        {
            "user_id": [f"u{number}" for number in user],
            "item_id": item,
            "price": price,
            "tags": tags,
            "page": [["home", "search"][number % 2] for number in item],
            "time": 1_700_000_000 + np.arange(rows),
            "click": random.binomial(1, chance),
        },
        schema_overrides={"tags": pl.List(pl.String)},
    )
