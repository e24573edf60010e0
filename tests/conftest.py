"""Fixtures that every test may ask for."""

from pathlib import Path

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
