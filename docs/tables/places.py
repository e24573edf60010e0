"""Where the records lie, and how all tables write a difference."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from tamis.record import mean_interval

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"


def interval(found: dict[str, float]) -> str:
    """A mean with the ends of its interval, signs shown."""
    return f"{found['mean']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"


def mean_gap(ones: Sequence[float], others: Sequence[float]) -> str:
    """The mean of the differences of pairs, with the interval of that mean."""
    gaps = [one - other for one, other in zip(ones, others, strict=True)]
    ends = mean_interval(gaps)
    assert ends is not None, "one pair has no interval"
    return interval({"mean": statistics.fmean(gaps), "low": ends[0], "high": ends[1]})
