"""Batches on their device: on a GPU the next one is copied while the model works on the last."""

from collections.abc import Iterable, Iterator

import torch

from tamis.batch import Batch


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches on ``device``; a GPU gets them one ahead, from page-locked memory.

    Example:
        >>> batch = Batch(ids=torch.zeros(2, 1), dense=torch.zeros(2, 0))
        >>> [len(part) for part in on_device([batch, batch], torch.device("cpu"))]
        [2, 2]
    """
    if device.type != "cuda":
        yield from (batch.to(device) for batch in batches)
        return
    copies = torch.cuda.Stream(device)
    ahead: Batch | None = None
    for batch in batches:
        with torch.cuda.stream(copies):
            moved = batch.pin_memory().to(device, non_blocking=True)
        if ahead is not None:
            yield ahead
        torch.cuda.current_stream(device).wait_stream(copies)
        _keep_until_used(moved, device)
        ahead = moved
    if ahead is not None:
        yield ahead


def _keep_until_used(batch: Batch, device: torch.device) -> None:
    """Tell the allocator that the computing stream reads these tensors, so it does not reuse them early."""
    stream = torch.cuda.current_stream(device)
    singles = (batch.ids, batch.dense, batch.labels, batch.weights, batch.groups, batch.scenarios)
    for tensor in (*batch.lists, *singles):
        if tensor is not None:
            tensor.record_stream(stream)
