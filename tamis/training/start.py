"""Where a model's chances begin: at one half, or at the share of positives."""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from tamis.errors import TrainingError

StartName = Literal["half", "base_rate"]


@runtime_checkable
class Begins(Protocol):
    """A module whose output is added to the logits, and which can begin at others than zero."""

    def begin_at(self, logits: Tensor) -> None:
        """Begin at ``logits``, one a task."""
        ...


def start_at_base_rates(model: nn.Module, base_rates: Sequence[float] | None) -> None:
    """Let a model that begins at logits around zero begin around the log odds of each task.

    A module that is ``Begins`` speaks for its parts; where there are several beside each other, all are told.

    Source: a usual start where positives are rare, as in Lin et al. 2017, "Focal Loss for Dense Object Detection",
    arXiv 1708.02002, section 4.1.

    Raises:
        TrainingError: no rate is known, one is not between 0 and 1, or the model has nothing that begins.

    Example:
        >>> from tamis.layers import TaskTowers
        >>> head = TaskTowers(d_in=3, tasks=2)
        >>> start_at_base_rates(head, [0.5, 0.2])
        >>> torch.sigmoid(head(torch.zeros(1, 3))).detach().numpy().round(3)
        array([[0.5, 0.2]], dtype=float32)
    """
    if not base_rates or not all(0.0 < rate < 1.0 for rate in base_rates):
        raise TrainingError(
            f'start = "base_rate" needs the share of positives of each task, between 0 and 1 without the ends; got '
            f'{base_rates}. Give training rows of both labels, or set start = "half".'
        )
    heads = list(_heads(model))
    if not heads:
        raise TrainingError(
            f'start = "base_rate" needs a model with a part that says where its logits begin (a method begin_at); '
            f'{type(model).__name__} has none. Set start = "half".'
        )
    logits = torch.logit(torch.tensor(base_rates, dtype=torch.float64))
    with torch.no_grad():
        for head in heads:
            head.begin_at(logits)


def _heads(module: nn.Module) -> Iterator[Begins]:
    if isinstance(module, Begins):
        yield module
        return
    for part in module.children():
        yield from _heads(part)
