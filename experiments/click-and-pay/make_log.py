"""Make up the log of this folder: who clicked, who paid, and what each had looked at before.

    python experiments/click-and-pay/make_log.py --rows 100000

A user is drawn to the item of a topic that stands in the history, and a click ends in a payment rather if the item is
cheap. Topics are told by no column: a model must learn from the items that go together.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

USERS, ITEMS, TOPICS, LONGEST = 500, 100, 10, 12
PLACE = Path("runs/click-and-pay/log.parquet")


def make_log(rows: int, *, seed: int = 0) -> pl.DataFrame:
    """A log of ``rows`` rows; the same seed gives the same log.

    Example:
        >>> make_log(3).columns
        ['user_id', 'item_id', 'seen', 'price', 'page', 'click', 'pay']
    """
    random = np.random.default_rng(seed)
    users, items = random.integers(0, USERS, rows), random.integers(0, ITEMS, rows)
    page = random.integers(0, 2, rows)
    price = random.lognormal(0.0, 1.0, ITEMS)[items]
    seen = random.integers(0, ITEMS, (rows, LONGEST))
    lengths = random.integers(0, LONGEST + 1, rows)
    is_there = np.arange(LONGEST) < lengths[:, None]
    is_drawn = ((seen % TOPICS == items[:, None] % TOPICS) & is_there).any(axis=1)
    click = random.random(rows) < _chance(-1.5 + 3.0 * is_drawn + 0.3 * page)
    pay = click & (random.random(rows) < _chance(0.5 - 1.5 * np.log(price)))
    values, ends = seen[is_there], np.cumsum(lengths)
    return pl.DataFrame(
        {
            "user_id": users,
            "item_id": items,
            "seen": [part.tolist() for part in np.split(values, ends[:-1])],
            "price": price,
            "page": np.array(["home", "search"])[page],
            "click": click.astype(np.int8),
            "pay": pay.astype(np.int8),
        },
        schema_overrides={"seen": pl.List(pl.Int64)},
    )


def _chance(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-score))


def main() -> None:
    """Write the log where the experiment files of this folder look for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    make_log(rows).write_parquet(PLACE)
    print(f"{PLACE}: {rows:,} rows")


if __name__ == "__main__":
    main()
