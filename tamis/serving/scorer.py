"""Score raw rows with a saved model; no HTTP, no files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl
import torch

from tamis.batch import Batch
from tamis.data.batching import make_batch
from tamis.errors import DataError
from tamis.export import Bundle
from tamis.metrics import RankingMetrics


class Scorer:
    """A bundle put to work: frames of raw rows in, probabilities out.

    Scores are computed in float32 whatever the precision of training. ``unseen`` counts, for each field, the values
    that training never saw and that were therefore scored as *unknown*; ``rows`` counts all rows so far.
    """

    def __init__(self, bundle: Bundle, *, batch_size: int = 8192, device: str = "cpu") -> None:
        self.bundle = bundle
        self.batch_size = batch_size
        self.device = torch.device(device)
        self.model = bundle.model.to(self.device).eval()
        self.rows = 0
        self.unseen: Counter[str] = Counter()

    def score(self, frame: pl.DataFrame) -> np.ndarray:
        """The probability of each task for each row, ``(rows, tasks)`` in float32."""
        parts = [self._score_batch(batch) for batch in self._batches(frame, labels=False)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.bundle.layout.tasks)), dtype=np.float32)

    def score_chunks(self, chunks: Iterable[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
        """Each chunk beside its scores, one at a time: memory does not depend on the number of rows."""
        for chunk in chunks:
            yield chunk, self.score(chunk)

    def evaluate(
        self, chunks: Iterable[pl.DataFrame], *, report: Callable[[int], None] | None = None
    ) -> dict[str, float]:
        """The exact metrics on labelled rows; with several tasks each metric is named ``task.metric``.

        Raises:
            DataError: there is no row, or a label is missing or not 0 or 1.
        """
        tasks = self.bundle.layout.tasks
        metrics = [RankingMetrics() for _ in tasks]
        for chunk in chunks:
            for batch in self._batches(chunk, labels=True):
                assert batch.labels is not None
                scores, labels = self._score_batch(batch), batch.labels.numpy()
                groups = None if batch.groups is None else batch.groups.numpy()
                for column, metric in enumerate(metrics):
                    metric.update(scores[:, column], labels[:, column], groups)
            if report is not None:
                report(len(chunk))
        if metrics[0].rows == 0:
            raise DataError("there is no row to evaluate. Give rows with their labels.")
        values = [metric.compute() for metric in metrics]
        if len(tasks) == 1:
            return values[0]
        return {
            f"{task}.{name}": value for task, table in zip(tasks, values, strict=True) for name, value in table.items()
        }

    def _batches(self, frame: pl.DataFrame, *, labels: bool) -> Iterator[Batch]:
        for start in range(0, len(frame), self.batch_size):
            chunk = self.bundle.encoders.encode(frame[start : start + self.batch_size], labels=labels)
            self.unseen.update(chunk.unseen)
            self.rows += chunk.rows
            yield make_batch(chunk, self.bundle.layout)

    @torch.inference_mode()
    def _score_batch(self, batch: Batch) -> np.ndarray:
        return self.model(batch.to(self.device)).probabilities().cpu().numpy()
