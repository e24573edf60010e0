"""What a training run may be told: the settings, their defaults and their rules."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tamis.config import suggest, write_config
from tamis.errors import ConfigError
from tamis.training.compilation import CompileName
from tamis.training.optimizers import DenseOptimizer, GateOptimizer, TableOptimizer
from tamis.training.precision import PrecisionName
from tamis.training.schedule import Schedule
from tamis.training.start import StartName

HIGHER_IS_BETTER = {
    "auc": True,
    "gauc_impression": True,
    "gauc_user": True,
    "gauc_positive": True,
    "log_loss": False,
    "normalised_entropy": False,
    "expected_calibration_error": False,
}
"""The metrics by which a validation may choose."""

_NO_EFFECT_ON_RESULT = ("checkpoint_activations", "checkpoint_every_steps", "checkpoint_minutes", "tensorboard")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings of one training run.

    - ``batch_size``: rows of one batch over all processes; the source is made with it
    - ``start``: the chance that an untrained model gives, one ``half``, or the ``base_rate`` of the training rows,
      which spares it learning by its other weights that clicks are rare
    - ``evaluations_per_epoch``: validations in an epoch, evenly spread, the last at its end
    - ``patience``: stop after so many validations in a row without a new best; None (in files ``"none"``) trains all
    - ``metric``: the validation metric that chooses the weights
    - ``keep``: the weights that were ``best`` on the validation, or the ``last``, for a validation part too small to
      choose (``epochs`` then comes from elsewhere, such as cross-validation; ``patience`` has no effect)
    - ``clip_norm``: the largest norm of the gradient, tables included; None does not clip
    - ``gradient_accumulation``: batches summed into one update; a smaller ``batch_size`` with it needs less memory
    - ``checkpoint_activations``: compute the inside of each block again in the backward pass, instead of keeping it
    - ``compile``: whether training steps run what follows the tables through ``torch.compile``, where that works;
      ``"auto"`` on CUDA only
    - ``log_every_steps``: updates between two lines of the curve, and between two looks at the loss
    - ``checkpoint_every_steps``, ``checkpoint_minutes``: checkpoints beside those that every validation
      writes
    """

    epochs: int = 8
    batch_size: int = 2048
    seed: int = 0
    start: StartName = "half"
    evaluations_per_epoch: int = 1
    patience: int | None = 2
    metric: str = "auc"
    keep: Literal["best", "last"] = "best"
    precision: PrecisionName = "auto"
    device: str = "auto"
    tables: TableOptimizer = field(default_factory=TableOptimizer)
    dense: DenseOptimizer = field(default_factory=DenseOptimizer)
    gates: GateOptimizer = field(default_factory=GateOptimizer)
    schedule: Schedule = field(default_factory=Schedule)
    clip_norm: float | None = None
    gradient_accumulation: int = 1
    checkpoint_activations: bool = False
    compile: CompileName = "auto"
    log_every_steps: int = 50
    checkpoint_every_steps: int | None = None
    checkpoint_minutes: float | None = 10.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        counts = ("epochs", "batch_size", "evaluations_per_epoch", "patience", "gradient_accumulation")
        for name in (*counts, "log_every_steps", "checkpoint_every_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"TrainingSettings {name} must be at least 1; got {value}.")
        for name in ("clip_norm", "checkpoint_minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"TrainingSettings {name} must be above 0; got {value}. Leave it out to have none.")
        if self.seed < 0:
            raise ConfigError(f"TrainingSettings seed must be at least 0; got {self.seed}.")
        if self.metric not in HIGHER_IS_BETTER:
            raise ConfigError(
                f"TrainingSettings metric must be one of {sorted(HIGHER_IS_BETTER)}; got {self.metric!r}. "
                f"{suggest(self.metric, HIGHER_IS_BETTER)}"
            )

    def is_better(self, value: float, best: float) -> bool:
        """Whether a validation value beats the best so far.

        Example:
            >>> TrainingSettings(metric="log_loss").is_better(0.3, 0.4)
            True
        """
        return value > best if HIGHER_IS_BETTER[self.metric] else value < best

    def that_matter(self) -> dict[str, Any]:
        """Every setting that can change the result, under dotted names; a resumed run must have the same.

        Example:
            >>> TrainingSettings(tensorboard=True).that_matter()["tables.learning_rate"]
            0.05
        """
        table = {key: value for key, value in write_config(self).items() if key not in _NO_EFFECT_ON_RESULT}
        return flatten(table)


def flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one table with dotted names.

    Example:
        >>> flatten({"dense": {"eps": 1.0}, "seed": 3})
        {'dense.eps': 1.0, 'seed': 3}
    """
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
