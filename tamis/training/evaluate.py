"""Score every row of a source once, and say how good the scores are; on any number of processes alike."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from tamis.batch import Batch, BatchSource
from tamis.errors import DataError, TrainingError
from tamis.metrics import GrowingArray, RankingMetrics
from tamis.training.allocator import release_freed_memory
from tamis.training.distributed import Workers, choose_device
from tamis.training.precision import Precision, PrecisionName, choose_precision
from tamis.training.prefetch import on_device


class Metric(Protocol):
    """What evaluation asks of a metric; ``RankingMetrics`` is the one it takes unless told otherwise."""

    def update(self, probabilities: Any, labels: Any, groups: Any = None) -> None:
        """Take in some rows."""
        ...

    def merge(self, other: Any) -> None:
        """Take in the rows another process has seen."""
        ...

    def compute(self) -> dict[str, float]:
        """The numbers of all rows so far."""
        ...


@dataclass(frozen=True, kw_only=True)
class EvaluatedRows:
    """Every row with its score, in the order of the source.

    Shape:
        - probabilities, labels: ``(rows, tasks)`` float32
        - groups, scenarios: ``(rows,)`` int64, or None
    """

    probabilities: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None
    scenarios: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good a model is on a source.

    ``values`` is the mean over tasks of each metric, ``tasks`` holds them task by task, ``metrics`` the
    metric objects themselves (for a reliability diagram), ``scored`` the rows if they were asked for.
    """

    rows: int
    values: dict[str, float]
    tasks: dict[str, dict[str, float]]
    metrics: dict[str, Metric]
    seconds: float
    scored: EvaluatedRows | None = None


def evaluate(
    model: nn.Module,
    source: BatchSource,
    *,
    metrics: Callable[[], Metric] = RankingMetrics,
    tasks: Sequence[str] | None = None,
    precision: Precision | PrecisionName = "auto",
    workers: Workers | None = None,
    device: torch.device | str = "auto",
    keep_rows: bool = False,
) -> Evaluation:
    """Score every row of ``source`` and compute ``metrics()`` for each task.

    Each process takes whole batches, a run of neighbouring ones, so every row is scored in the company it
    would have on one process and the result is the same bit by bit. The source must not shuffle if the order
    of ``scored`` matters. The model is left in the mode it was in.

    Raises:
        TrainingError: some rows were not scored, or were scored twice, or a score is not finite.
        DataError: the source has no labels.

    Example:
        >>> from tamis.batch import Output
        >>> from tamis.training import MemorySource
        >>> class Constant(nn.Module):
        ...     def forward(self, batch):
        ...         return Output(logits=torch.zeros(len(batch), 1))
        >>> labels = torch.tensor([[0.0], [1.0], [1.0]])
        >>> source = MemorySource(Batch(ids=labels.int(), dense=labels, labels=labels), batch_size=2)
        >>> evaluation = evaluate(Constant(), source, device="cpu")
        >>> evaluation.rows, evaluation.values["auc"], evaluation.values["positives"]
        (3, 0.5, 2)
    """
    started = time.perf_counter()
    workers = workers or Workers()
    device = choose_device(str(device))
    if not isinstance(precision, Precision):
        precision = choose_precision(precision, device)
    was_training = model.training
    model.eval()
    release_freed_memory()
    try:
        mine = _score_share(model, source, metrics, workers, device, precision, keep_rows)
    finally:
        model.train(was_training)
        release_freed_memory()
    shares = workers.gather(mine)
    rows = sum(share.rows for share in shares)
    if rows != source.rows:
        raise TrainingError(
            f"evaluation must score each row once: the source has {source.rows} rows, {rows} were scored. "
            f"Its batches do not add up; this is an error of the source."
        )
    merged = _merge(shares, metrics)
    names = _task_names(tasks, len(merged))
    by_task = {name: metric.compute() for name, metric in zip(names, merged, strict=True)}
    return Evaluation(
        rows=rows,
        values=_mean_over_tasks(by_task),
        tasks=by_task,
        metrics=dict(zip(names, merged, strict=True)),
        seconds=time.perf_counter() - started,
        scored=_join([share.kept for share in shares if share.rows]) if keep_rows else None,
    )


@dataclass(kw_only=True)
class _Share:
    """What one process has scored: one metric a task, and the rows themselves if they are wanted."""

    rows: int = 0
    metrics: list[Metric] = field(default_factory=list)
    kept: dict[str, GrowingArray] = field(default_factory=dict)

    def keep(self, scored: EvaluatedRows) -> None:
        """Take in the columns that are there."""
        for name, column in vars(scored).items():
            if column is not None:
                self.kept.setdefault(name, GrowingArray()).extend(column)


def _score_share(
    model: nn.Module,
    source: BatchSource,
    metrics: Callable[[], Metric],
    workers: Workers,
    device: torch.device,
    precision: Precision,
    keep_rows: bool,
) -> _Share:
    first = len(source) * workers.rank // workers.count
    end = len(source) * (workers.rank + 1) // workers.count
    batches = on_device(islice(source.epoch(0, start=first), end - first), device)
    share = _Share()
    with torch.no_grad():
        for index, batch in enumerate(batches, start=first):
            scored = _score_batch(model, batch, index, precision)
            if not share.metrics:
                share.metrics = [metrics() for _ in range(scored.labels.shape[1])]
            for column, metric in enumerate(share.metrics):
                metric.update(scored.probabilities[:, column], scored.labels[:, column], scored.groups)
            share.rows += len(scored.labels)
            if keep_rows:
                share.keep(scored)
    return share


def _score_batch(model: nn.Module, batch: Batch, index: int, precision: Precision) -> EvaluatedRows:
    if batch.labels is None:
        raise DataError("evaluation needs labels; the batch has none. Give the schema a field of kind 'label'.")
    with precision.autocast():
        output = model(batch)
    if output.logits.shape != batch.labels.shape:
        raise DataError(
            f"logits and labels must have one shape (rows, tasks); got {tuple(output.logits.shape)} logits "
            f"and {tuple(batch.labels.shape)} labels. Build the model for the layout of this data."
        )
    probabilities = output.probabilities().cpu().numpy()
    if not np.isfinite(probabilities).all():
        raise TrainingError(
            f"the model's scores of batch {index} are not finite. Its weights or the numeric inputs hold NaN "
            f"or infinity; look at the inputs, or train with lower learning rates."
        )
    return EvaluatedRows(
        probabilities=probabilities,
        labels=batch.labels.float().cpu().numpy(),
        groups=None if batch.groups is None else batch.groups.cpu().numpy(),
        scenarios=None if batch.scenarios is None else batch.scenarios.cpu().numpy(),
    )


def _merge(shares: Sequence[_Share], metrics: Callable[[], Metric]) -> list[Metric]:
    if len(shares) == 1:
        return shares[0].metrics
    merged = [metrics() for _ in range(max(len(share.metrics) for share in shares))]
    for share in shares:
        # A process that scored nothing, having more company than there are batches, has no metrics.
        for whole, part in zip(merged, share.metrics, strict=False):
            whole.merge(part)
    return merged


def _join(parts: Sequence[Mapping[str, GrowingArray]]) -> EvaluatedRows:
    def column(name: str) -> np.ndarray:
        arrays = [part[name].join() for part in parts]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    return EvaluatedRows(
        probabilities=column("probabilities"),
        labels=column("labels"),
        groups=column("groups") if "groups" in parts[0] else None,
        scenarios=column("scenarios") if "scenarios" in parts[0] else None,
    )


def _task_names(tasks: Sequence[str] | None, width: int) -> tuple[str, ...]:
    if tasks is None:
        return ("label",) if width == 1 else tuple(f"task_{index}" for index in range(width))
    if len(tasks) != width:
        raise TrainingError(f"tasks must name the {width} logits of the model; got {list(tasks)}.")
    return tuple(tasks)


def _mean_over_tasks(by_task: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    tables = list(by_task.values())
    if len(tables) == 1:
        return dict(tables[0])
    values = {key: [table[key] for table in tables] for key in tables[0]}
    # What all tasks agree in stays what it is: a number of rows is no fraction.
    return {key: own[0] if len(set(own)) == 1 else math.fsum(own) / len(own) for key, own in values.items()}
