"""How long one waits for ``tamis --help`` and for ``import tamis``, each in fresh processes."""

import argparse
import subprocess
import sys
import time

from findings import figure, write_findings


def seconds_of(*words: str) -> float:
    """Wall seconds of one fresh Python process from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return round(time.perf_counter() - start, 3)


def main() -> None:
    """Measure ``--runs`` processes each, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    words = {
        "help seconds": ("-m", "tamis", "--help"),
        "import seconds": ("-c", "import tamis"),
        "empty process seconds": ("-c", ""),
    }
    runs = [{name: seconds_of(*command) for name, command in words.items()} for _ in range(arguments.runs)]
    goals = {"help seconds": "< 0.5"}
    write_findings(
        "start",
        [figure(name, [run[name] for run in runs], unit="s", goal=goals.get(name, "-")) for name in words],
    )


if __name__ == "__main__":
    main()
