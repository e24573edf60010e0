"""How many rows a second become an encoded set: the 39 columns of a Criteo-shaped TSV."""

import argparse
import tempfile
import time
from pathlib import Path

from criteo_shaped import write_log
from findings import figure, write_findings

from tamis.data import SplitSettings, open_source, prepare
from tamis.data.recipes import RECIPES


def main() -> None:
    """Measure ``--runs`` times on a file of ``--rows`` rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    encoding = []
    with tempfile.TemporaryDirectory() as place:
        path = write_log(Path(place) / "log.tsv", rows=arguments.rows)
        for _ in range(arguments.runs):
            start = time.perf_counter()
            prepare(
                source=open_source(path, format="criteo"),
                schema=RECIPES["criteo"].schema,
                split=SplitSettings(),
                folder=Path(place) / "encoded",
                force=True,
            )
            encoding.append(round(arguments.rows / (time.perf_counter() - start)))
    write_findings("encode", [figure("criteo-shaped rows/s", encoding, unit="rows/s", goal=">= 300000")])


if __name__ == "__main__":
    main()
