"""What the loop relies on: every batch has the rows that were announced, and weights are numbers."""

import torch
from torch import Tensor

from tamis.batch import Batch, BatchSource
from tamis.errors import TrainingError
from tamis.training.distributed import Workers


def check_batch_sizes(source: BatchSource, workers: Workers) -> None:
    """Every batch must have something for every process, since all of them take part in each update.

    Raises:
        TrainingError: a batch has fewer rows than there are processes, or there is no batch.
    """
    smallest = min((source.rows_of(step) for step in range(len(source))), default=0)
    if smallest < workers.count:
        raise TrainingError(
            f"each batch must have a row for each process ({workers.count}); the smallest has {smallest}. "
            f"Give more rows, a larger batch_size or fewer processes."
        )


def check_share(source: BatchSource, step: int, batch: Batch, workers: Workers) -> None:
    """A batch must be this process's share of the global batch, no more and no less.

    Raises:
        TrainingError: it has another number of rows.
    """
    rows, rank, count = source.rows_of(step), workers.rank, workers.count
    expected = rows * (rank + 1) // count - rows * rank // count
    if len(batch) != expected:
        raise TrainingError(
            f"batch {step} must have {expected} rows for process {rank} of {count}; got {len(batch)}. "
            f"This is an error of the source."
        )


def is_finite(weight: Tensor) -> bool:
    """Whether no number is NaN or infinite; looked at in pieces, since torch's masks are larger than the table.

    Example:
        >>> is_finite(torch.tensor([1.0, float("inf")]))
        False
    """
    return all(bool(torch.isfinite(piece).all()) for piece in weight.detach().flatten().split(2**22))
