"""Write a log shaped like Criteo's as TSV without header: a label, 13 counts, 26 Zipf-distributed categories.

The same number of rows and seed always give the same bytes. Run as
``python benchmarks/criteo_shaped.py 1000000 log.tsv``.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

CARDINALITIES = (
    *(1_500, 600, 90_000, 60_000, 300, 20, 12_000, 650, 3, 40_000),
    *(5_500, 85_000, 3_200, 26, 12_500, 70_000, 10, 5_700, 2_200, 4),
    *(80_000, 18, 15, 30_000, 100, 8_000),
)
"""The number of values of each category: about 508 thousand in all, as wide as Criteo's and less deep."""

MISSING_COUNTS = (0.45, 0, 0.21, 0.22, 0.03, 0.22, 0.04, 0, 0.04, 0.45, 0.04, 0.76, 0.22)
MISSING_CATEGORIES = {2: 0.03, 3: 0.03, 5: 0.12, 18: 0.44, 19: 0.44, 21: 0.76, 24: 0.44, 25: 0.44}
CHUNK_ROWS = 65_536


def write_log(path: Path, *, rows: int, seed: int = 0) -> Path:
    """Write ``rows`` rows to ``path``, a chunk at a time."""
    worlds = np.random.default_rng(seed)
    names = [_hex_names(worlds, size) for size in CARDINALITIES]
    effects = [worlds.normal(scale=0.35, size=size).astype(np.float32) for size in CARDINALITIES]
    slopes = worlds.normal(scale=0.15, size=len(MISSING_COUNTS))
    with open(path, "wb") as file:
        for number, start in enumerate(range(0, rows, CHUNK_ROWS)):
            random = np.random.default_rng([seed, number])
            chunk = _make_chunk(random, min(CHUNK_ROWS, rows - start), names, effects, slopes)
            chunk.write_csv(file, separator="\t", include_header=False)
    return path


def _make_chunk(
    random: np.random.Generator,
    rows: int,
    names: list[pl.Series],
    effects: list[np.ndarray],
    slopes: np.ndarray,
) -> pl.DataFrame:
    columns: dict[str, pl.Series] = {}
    logits = np.full(rows, -1.2)
    for i, missing in enumerate(MISSING_COUNTS):
        counts = np.floor(random.lognormal(mean=1.5, sigma=1.4, size=rows)).astype(np.int64)
        logits += slopes[i] * (np.log1p(counts) - 1.5)
        columns[f"I{i + 1}"] = pl.Series(counts).set(pl.Series(random.random(rows) < missing), None)
    for i, (values, effect) in enumerate(zip(names, effects, strict=True)):
        ranks = zipf_ranks(random, rows, len(values))
        logits += effect[ranks]
        column = values.gather(ranks)
        if i in MISSING_CATEGORIES:
            column = column.set(pl.Series(random.random(rows) < MISSING_CATEGORIES[i]), None)
        columns[f"C{i + 1}"] = column
    clicks = random.random(rows) < 1 / (1 + np.exp(-logits))
    return pl.DataFrame({"label": clicks.astype(np.int8), **columns})


def zipf_ranks(random: np.random.Generator, rows: int, size: int) -> np.ndarray:
    """Ranks below ``size``, each with a chance in proportion to about one over the rank."""
    return np.minimum((size + 1) ** random.random(rows) - 1, size - 1).astype(np.int64)


def _hex_names(random: np.random.Generator, size: int) -> pl.Series:
    """Distinct eight-digit names like Criteo's hashed categories."""
    codes = random.permutation(np.unique(random.integers(0, 1 << 32, size + 100 + size // 10)))[:size]
    return pl.Series([f"{code:08x}" for code in codes.tolist()])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_log(arguments.path, rows=arguments.rows, seed=arguments.seed)
