"""What a run tells of itself: while it goes on, and when it is over."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run is.

    ``epoch`` counts from 1. ``loss`` is the mean of the last read window, None before the first.
    ``eta_seconds`` is the time left if all planned epochs run. ``valid`` is set right after a validation,
    ``note`` when there is something to say: an alarm, or that a run starts anew.
    """

    step: int
    total_steps: int
    epoch: int
    epochs: int
    rows: int
    rows_per_second: float
    eta_seconds: float
    learning_rate: float
    loss: float | None = None
    valid: dict[str, float] | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Best:
    """The validation that chose the weights; ``epoch`` counts from 1, ``values`` are all its metrics."""

    epoch: int
    step: int
    metric: str
    value: float
    values: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """How a run went; the model holds the weights of ``best``, which also lie in ``best_folder``.

    ``trunk`` says whether what follows the tables ran ``"compiled"`` or ``"eager"``, and why if it was to be compiled.
    ``rows_per_second`` counts the training steps only, not validations or checkpoints.
    """

    best: Best
    epochs: int
    steps: int
    rows: int
    stopped_early: bool
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    precision: str
    precision_reason: str
    device: str
    trunk: str
    processes: int
    train_seconds: float
    evaluate_seconds: float
    rows_per_second: float
    curve: Path
    best_folder: Path
