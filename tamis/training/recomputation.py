"""Activation checkpointing: tell the stacks of a model to keep less and compute more."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from tamis.errors import TrainingError


@contextmanager
def recomputed_activations(model: nn.Module, *, is_wanted: bool = True) -> Iterator[None]:
    """While inside, every module of ``model`` that has the mark ``is_recomputed`` finds it set.

    Raises:
        TrainingError: it is wanted and no module has the mark.

    Example:
        >>> class Stack(nn.Module):
        ...     is_recomputed = False
        >>> stack = Stack()
        >>> with recomputed_activations(stack):
        ...     print(stack.is_recomputed)
        True
        >>> stack.is_recomputed
        False
    """
    stacks = [module for module in model.modules() if hasattr(module, "is_recomputed")] if is_wanted else []
    if is_wanted and not stacks:
        raise TrainingError(
            "checkpoint_activations needs a model with blocks that can be computed again (modules with the mark "
            f"`is_recomputed`); {type(model).__name__} has none. Set checkpoint_activations = false."
        )
    before = [stack.is_recomputed for stack in stacks]
    for stack in stacks:
        stack.is_recomputed = True  # type: ignore[assignment]
    try:
        yield
    finally:
        for stack, mark in zip(stacks, before, strict=True):
            stack.is_recomputed = mark
