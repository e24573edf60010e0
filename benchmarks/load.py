"""How many rows a second an encoded set gives in shuffled batches, and what share of a plain copy of bytes that is."""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from criteo_shaped import write_log
from findings import figure, write_findings

from tamis.data import SplitSettings, open_source, prepare
from tamis.data.batching import EncodedBatches
from tamis.data.recipes import RECIPES

COPIED_BYTES = 1 << 28
"""Far more than any cache holds."""


def copy_rate(source: np.ndarray, target: np.ndarray) -> float:
    """Bytes a second that one thread copies from memory to memory."""
    start = time.perf_counter()
    np.copyto(target, source)
    return source.nbytes / (time.perf_counter() - start)


def main() -> None:
    """Measure both ``--runs`` times in turn, on the training rows of a log of ``--rows`` rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=4096)
    arguments = parser.parse_args()
    batches, copies, shares = [], [], []
    copied, target = np.ones(COPIED_BYTES, dtype=np.uint8), np.ones(COPIED_BYTES, dtype=np.uint8)
    with tempfile.TemporaryDirectory() as place:
        encoded = prepare(
            source=open_source(write_log(Path(place) / "log.tsv", rows=arguments.rows), format="criteo"),
            schema=RECIPES["criteo"].schema,
            split=SplitSettings(),
            folder=Path(place) / "encoded",
        )
        source = EncodedBatches(encoded.split("train"), encoded.layout, batch_size=arguments.batch_size, shuffle_seed=0)
        for run in range(arguments.runs):
            copies.append(copy_rate(copied, target))
            start = time.perf_counter()
            rows = size = 0
            for batch in source.epoch(run):
                rows += len(batch)
                parts = (batch.ids, batch.dense, batch.labels)
                size += sum(part.nbytes for part in parts if part is not None)
            seconds = time.perf_counter() - start
            batches.append(round(rows / seconds))
            shares.append(round(size / seconds / copies[-1], 3))
    write_findings(
        "load",
        [
            figure("shuffled batches rows/s", batches, unit="rows/s", goal=">= 1000000"),
            figure("bytes of batches over bytes copied", shares, unit="share of the memory-copy rate", goal="-"),
            figure("memory copy", [round(rate / 1e9, 2) for rate in copies], unit="GB/s", goal="-"),
        ],
    )


if __name__ == "__main__":
    main()
