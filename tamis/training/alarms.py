"""What a person should be told about a run that goes on all the same, and the way out."""

from collections.abc import Sequence

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
