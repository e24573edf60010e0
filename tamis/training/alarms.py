"""What a person should be told about a run that goes on all the same, and the way out."""

import math
from collections.abc import Mapping, Sequence

from tamis.training.settings import HIGHER_IS_BETTER


def auc_alarm(auc: float | None) -> str | None:
    """Speak up if after the first epoch the ranking is no better than chance.

    Example:
        >>> auc_alarm(0.503)  # doctest: +ELLIPSIS
        'validation AUC is 0.5030 after the first epoch, no better than chance...'
        >>> auc_alarm(0.7) is None
        True
    """
    if auc is None or not abs(auc - 0.5) <= 0.01:
        return None
    return (
        f"validation AUC is {auc:.4f} after the first epoch, no better than chance (within 0.01 of 0.5). "
        f"Check that the label is right and that the features are known before the click; then try other "
        f"learning rates."
    )


def calibration_alarm(values: Mapping[str, float | None]) -> str | None:
    """Speak up if the kept weights promise far more or far fewer positives than there are in the validation.

    Far is a fifth, and more than three standard errors of the number of positives.

    Example:
        >>> calibration_alarm({"rows": 9000, "positives": 300, "calibration_ratio": 0.4})  # doctest: +ELLIPSIS
        'on the validation rows the model promises 0.40 of the positives that are there...'
        >>> calibration_alarm({"rows": 9000, "positives": 300, "calibration_ratio": 0.9}) is None
        True
        >>> calibration_alarm({"rows": 90, "positives": 3, "calibration_ratio": 0.4}) is None
        True
    """
    ratio, positives = values.get("calibration_ratio"), values.get("positives")
    if ratio is None or not positives or not math.isfinite(ratio) or 0.8 <= ratio <= 1.25:
        return None
    if abs(ratio - 1.0) * positives <= 3.0 * math.sqrt(positives):
        return None
    return (
        f"on the validation rows the model promises {ratio:.2f} of the positives that are there. How it ranks is not "
        f'touched by it, but whoever uses its scores as chances should set training.start = "base_rate", choose by '
        f'training.metric = "log_loss", lower the dropout before a normalisation, or calibrate the scores.'
    )


def second_epoch_alarm(metric: str, epoch_values: Sequence[float]) -> str | None:
    """Speak up if the validation at the end of epoch 2 is worse than at the end of epoch 1.

    Models with large embedding tables often fit the training rows by heart as soon as they see them twice.

    Source: Zhang et al. 2022, "Towards understanding the overfitting phenomenon of deep click-through rate
    models".

    Example:
        >>> second_epoch_alarm("auc", [0.80, 0.81]) is None
        True
    """
    if len(epoch_values) != 2:
        return None
    first, second = epoch_values
    if not (second < first if HIGHER_IS_BETTER[metric] else second > first):
        return None
    return (
        f"validation {metric} went from {first:.4f} after epoch 1 to {second:.4f} after epoch 2: one-epoch "
        f"over-fitting, which large embedding tables are known for. The weights of the best validation are "
        f"kept; train 1 epoch, lower tables.learning_rate, raise tables.weight_decay or dropout, or raise "
        f"min_count of the fields."
    )
