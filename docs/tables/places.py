"""Where the records lie, and how all tables write a difference."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"


def interval(found: dict[str, float]) -> str:
    """A mean with the ends of its interval, signs shown."""
    return f"{found['mean']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"
