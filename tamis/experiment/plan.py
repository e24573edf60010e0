"""The plan of a run: what it will need of memory, disk and time, said before anything is spent."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one run needs and what is there, in bytes.

    ``memory`` and ``disk`` hold the parts by name; ``memory_needed`` is the peak of all processes of this machine,
    less than the sum of the parts, since not all of them are there at once. ``disk_needed`` is the sum of its parts, of
    which what lies there already is negative. ``*_free`` is None where the system does
    not tell. ``measured_rows`` is the size of the batch that was run to measure a step, which is scaled to
    ``batch_rows``, the rows of one process. ``rough_minutes`` is a guess from short trials, for all planned epochs.
    ``ways_out`` are the settings that would lower the need for memory, the most useful first.

    Example:
        >>> plan = Plan(
        ...     memory={"tables": 3 * 10**9}, memory_needed=3 * 10**9, memory_free=2 * 10**9, disk={}, disk_needed=0,
        ...     disk_free=None, batch_rows=8, measured_rows=8, processes=1, rough_minutes=1.0, ways_out=("lower dim",)
        ... )
        >>> plan.problem()
        'training needs about 3.0 GB of memory (tables 3.0 GB), and 2.0 GB are free. To need less: lower dim.'
    """

    memory: dict[str, int]
    memory_needed: int
    memory_free: int | None
    memory_place: str = "memory"
    disk: dict[str, int]
    disk_needed: int
    disk_free: int | None
    batch_rows: int
    measured_rows: int
    processes: int
    rough_minutes: float
    ways_out: tuple[str, ...]

    def problem(self) -> str | None:
        """One sentence if it will not fit: what is needed, what is there, the way out; else None."""
        if self.memory_free is not None and self.memory_needed > self.memory_free:
            parts = ", ".join(f"{name} {in_units(size)}" for name, size in _largest_first(self.memory))
            return (
                f"training needs about {in_units(self.memory_needed)} of {self.memory_place} ({parts}), and "
                f"{in_units(self.memory_free)} are free. To need less: {'; '.join(self.ways_out)}."
            )
        if self.disk_free is not None and self.disk_needed > self.disk_free:
            return (
                f"the run's folder needs about {in_units(self.disk_needed)} on the disk (the last checkpoint, the best "
                f"one, one being written, and the saved model), and {in_units(self.disk_free)} are free. To go on: "
                f"free some space; train into a folder on another disk; or shrink the model."
            )
        return None

    def to_json(self) -> dict[str, Any]:
        """A table of plain values, for the record."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


ALL_THE_SAME = "To train all the same: --anyway (must_fit=False)."


def in_units(size: int) -> str:
    """Bytes as a person reads them.

    Example:
        >>> [in_units(size) for size in (-512, 20_400_000, -3_210_000_000)]
        ['0.0 MB', '20.4 MB', '-3.2 GB']
    """
    number, unit = (size / 1e9, "GB") if abs(size) >= 1e9 else (size / 1e6, "MB")
    return f"{round(number, 1) + 0.0:,.1f} {unit}"  # + 0.0, because what rounds to zero has no sign


def _largest_first(parts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(parts.items(), key=lambda part: -part[1])
