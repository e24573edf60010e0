"""Where a run stands, in plain values: all that is no tensor and must survive a killed process."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tamis.training.progress import Best


@dataclass(kw_only=True)
class TrainingState:
    """The counters of a run; the loop alone changes them.

    ``epoch`` counts from 0 and ``update`` within it; ``step`` counts updates over all epochs.
    ``pending_losses`` and ``pending_rows`` are the window of the curve's next line. ``waited`` counts
    validations without a new best.
    """

    epoch: int = 0
    update: int = 0
    step: int = 0
    rows: int = 0
    pending_losses: list[float] = field(default_factory=list)
    pending_rows: list[int] = field(default_factory=list)
    best: Best | None = None
    waited: int = 0
    stopped_early: bool = False
    epoch_values: list[float] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    curve_bytes: int = 0
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """A table of plain values, the inverse of ``from_json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "TrainingState":
        """Build a state from what ``to_json`` wrote.

        Example:
            >>> best = Best(epoch=1, step=2, metric="auc", value=0.7, values={"auc": 0.7})
            >>> state = TrainingState(best=best)
            >>> TrainingState.from_json(state.to_json()) == state
            True
        """
        best = table["best"]
        return cls(**{**table, "best": None if best is None else Best(**best)})
