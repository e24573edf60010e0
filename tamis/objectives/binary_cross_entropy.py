"""Binary cross-entropy: the objective of every model that says how likely a click is."""

from torch import Tensor
from torch.nn import functional

from tamis.batch import Batch, Output
from tamis.errors import DataError


def binary_cross_entropy(output: Output, batch: Batch) -> Tensor:
    """The mean over rows and tasks of ``weight * -(y ln p + (1 - y) ln(1 - p))``, plus the model's losses.

    It is computed from the logits in float32 (float64 if they are float64), so no probability is ever rounded
    to 0 or 1. A weight scales its row; the sum is divided by the number of rows and not by the sum of the
    weights, so the objective of a large batch is the mean of the objectives of its parts.

    Shape:
        - output.logits, batch.labels: ``(rows, tasks)``
        - batch.weights: ``(rows,)`` or None
        - result: ``()``

    Raises:
        DataError: the batch has no labels, or their shape is not that of the logits.

    Example:
        >>> import torch
        >>> batch = Batch(ids=torch.zeros(2, 1), dense=torch.zeros(2, 0), labels=torch.tensor([[1.0], [0.0]]))
        >>> print(f"{binary_cross_entropy(Output(logits=torch.zeros(2, 1)), batch).item():.4f}")
        0.6931
    """
    if batch.labels is None:
        raise DataError("training needs labels; the batch has none. Give the schema a field of kind 'label'.")
    if batch.labels.shape != output.logits.shape:
        raise DataError(
            f"logits and labels must have one shape (rows, tasks); got {tuple(output.logits.shape)} logits "
            f"and {tuple(batch.labels.shape)} labels. Build the model for the layout of this data."
        )
    logits = output.logits if output.logits.dtype.itemsize > 4 else output.logits.float()
    labels = batch.labels.to(logits.dtype)
    weights = None if batch.weights is None else batch.weights.to(logits.dtype).unsqueeze(1)
    total = functional.binary_cross_entropy_with_logits(logits, labels, weight=weights)
    for loss in output.losses.values():
        total = total + loss.to(total.dtype)
    return total
