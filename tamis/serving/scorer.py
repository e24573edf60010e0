"""Score raw rows with a saved model; no HTTP, no files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from tamis.batch import Batch
from tamis.data.batching import make_batch, make_partial_batch
from tamis.data.row_block import join_blocks
from tamis.errors import ConfigError, DataError
from tamis.export import Bundle
from tamis.features import EncodedChunk
from tamis.metrics import RankingMetrics
from tamis.models import SplitModel, field_share
from tamis.serving.candidates import (
    Candidates,
    check_columns,
    check_parts,
    check_rows,
    crossing,
    crossing_part,
    features_in,
    one_row,
    paired,
    present,
    unseen_of,
    whole_rows,
)


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
        # A context decides about the fields of the other side too: then only whole rows tell what a field adds.
        self._is_split = isinstance(self.model, SplitModel) and bundle.layout.context is None
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

    def prepare_candidates(self, items: pl.DataFrame) -> Candidates:
        """Do once for items what does not depend on who asks: encode them and compute their part of the first products.

        Its columns are the fields that ``score_candidates`` then does not find in a request. The products take as many
        bytes an item as the model's first layer is wide, times four; ``Candidates.num_bytes`` tells.

        Raises:
            DataError: a column belongs to no field, or holds a value that its field refuses.
        """
        schema = self.bundle.encoders.schema
        check_columns(schema, items.columns, what="candidates have")
        facts = {"owner": self.model, "columns": tuple(items.columns), "rows": len(items)}
        if not self._is_split:
            return Candidates(**facts, shares=None, frame=items, unseen={})
        names = features_in(schema, items.columns)
        # At least one part, so that no items have shares of no rows too.
        starts = range(0, max(len(items), 1), self.batch_size)
        parts = [self._encode_share(items[i : i + self.batch_size], names, with_constant=False) for i in starts]
        chunks = [chunk for chunk, _ in parts]
        shares = tuple(torch.cat(shares) for shares in zip(*(shares for _, shares in parts), strict=True))
        blocks = [crossing_part(chunk, self.bundle.layout, names) for chunk in chunks]
        pairs = join_blocks([block for block in blocks if block is not None]) if blocks[0] is not None else None
        return Candidates(**facts, shares=shares, frame=None, pairs=pairs, unseen=unseen_of(chunks))

    def score_candidates(
        self,
        request: Mapping[str, Any],
        candidates: pl.DataFrame | Candidates,
        *,
        rows: Sequence[int] | np.ndarray | None = None,
    ) -> np.ndarray:
        """The probability of each task for each candidate of one request, ``(candidates, tasks)`` in float32.

        ``request`` holds the values, by column, that all candidates share: the user's and the context's. Every other
        column comes from ``candidates``, a frame, or better what ``prepare_candidates`` made of one; ``rows`` chooses
        some of them by position. A column that belongs to a pair of user and item stands in the frame.

        The scores are those of ``score`` for whole rows, up to rounding (1e-5), and ``rows`` and ``unseen`` count as
        there. What a model computes of the request alone is computed once if it is a ``SplitModel``, as most models of
        this package are; any other model scores whole rows. A history that is attended from the candidate is looked at
        for each candidate, without encoding it again.

        Raises:
            DataError: a column is missing, given twice or unknown, holds a value that its field refuses, or a row is
                outside the candidates.
            ConfigError: the candidates were prepared by another scorer.

        Example:
            >>> import tamis
            >>> log = pl.DataFrame({"user_id": [1, 2] * 50, "item_id": [1, 2, 3, 4] * 25, "click": [1, 0, 0, 1] * 25})
            >>> ranker = tamis.Ranker("ssr_s", settings={"views": [2], "widths": [4]}, training={"epochs": 1})
            >>> scorer = ranker.fit(log, label="click").scorer()
            >>> items = scorer.prepare_candidates(pl.DataFrame({"item_id": [1, 2, 3, 4]}))
            >>> scorer.score_candidates({"user_id": 2}, items, rows=[0, 3]).shape
            (2, 1)
        """
        schema = self.bundle.encoders.schema
        check_columns(schema, tuple(request), what="request has")
        check_parts(schema, request, candidates.columns)
        chosen = check_rows(rows, len(candidates))
        if isinstance(candidates, pl.DataFrame):
            return self._score_frame(request, candidates if chosen is None else candidates[chosen])
        if candidates.owner is not self.model:
            raise ConfigError(
                "the candidates were prepared by another scorer, whose model has other weights. Prepare them with the "
                "scorer that is to score them."
            )
        if candidates.shares is None:
            assert candidates.frame is not None
            return self._score_frame(request, candidates.frame if chosen is None else candidates.frame[chosen])
        return self._score_prepared(one_row(request), candidates, chosen)

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

    def _score_frame(self, request: Mapping[str, Any], items: pl.DataFrame) -> np.ndarray:
        """Score items that are not prepared, some at a time."""
        row = one_row(request)
        if not self._is_split:
            return self.score(whole_rows(row, items))
        starts = range(0, max(len(items), 1), self.batch_size)
        parts = (self.prepare_candidates(items[i : i + self.batch_size]) for i in starts)
        return np.concatenate([self._score_prepared(row, part, None) for part in parts])

    @torch.inference_mode()
    def _score_prepared(self, request: pl.DataFrame, candidates: Candidates, chosen: np.ndarray | None) -> np.ndarray:
        assert isinstance(self.model, SplitModel) and candidates.shares is not None
        names = features_in(self.bundle.encoders.schema, request.columns)
        chunk, user = self._encode_share(request, names, with_constant=True)
        count = len(candidates) if chosen is None else len(chosen)
        self.rows += count
        self.unseen.update({name: number * count for name, number in chunk.unseen.items()})
        for name, in_rows in candidates.unseen.items():
            self.unseen[name] += int((in_rows if chosen is None else in_rows[chosen]).sum())
        scores = np.empty((count, len(self.bundle.layout.tasks)), dtype=np.float32)
        rows = None if chosen is None else torch.from_numpy(chosen).to(self.device)
        across = self._across(chunk, names, candidates)
        for start in range(0, count, self.batch_size):
            part = slice(start, start + self.batch_size)
            projected = tuple(
                share[part] + own if rows is None else share.index_select(0, rows[part]).add_(own)
                for share, own in zip(candidates.shares, user, strict=True)
            )
            if across is not None:
                places = np.arange(start, min(part.stop, count)) if chosen is None else chosen[part]
                projected = tuple(share.add_(more) for share, more in zip(projected, across(places), strict=True))
            scores[part] = self.model.finish(projected).probabilities().cpu().numpy()
        return scores

    def _across(
        self, request: EncodedChunk, names: tuple[str, ...], candidates: Candidates
    ) -> Callable[[np.ndarray], tuple[Tensor, ...]] | None:
        """What lists that are attended from the other side add to the first products, for items at some places."""
        model, layout = self.model, self.bundle.layout
        own = crossing_part(request, layout, names)
        if own is None:
            return None
        assert isinstance(model, SplitModel) and candidates.pairs is not None
        asked, items = own.to_batch(layout).to(self.device), candidates.pairs
        is_present = present(layout.field_names, crossing(layout, names), self.device)

        def share(places: np.ndarray) -> tuple[Tensor, ...]:
            offered = items.take(places).to_batch(layout).to(self.device)
            both = paired(asked, offered, dense_width=layout.dense_width)
            return field_share(model, both, is_present=is_present, with_constant=False)

        return share

    @torch.inference_mode()
    def _encode_share(
        self, frame: pl.DataFrame, names: tuple[str, ...], *, with_constant: bool
    ) -> tuple[EncodedChunk, tuple[Tensor, ...]]:
        """The fields ``names`` of some rows, and the share of the model's first products that is theirs alone."""
        assert isinstance(self.model, SplitModel)
        layout = self.bundle.layout
        chunk = self.bundle.encoders.encode(frame, labels=False, only=names)
        if with_constant and not names:
            chunk = replace(chunk, rows=1)  # a request without values is a frame without rows
        batch = make_partial_batch(chunk, layout).to(self.device)
        is_present = present(layout.field_names, set(names) - set(crossing(layout, names)), self.device)
        return chunk, field_share(self.model, batch, is_present=is_present, with_constant=with_constant)

    def _batches(self, frame: pl.DataFrame, *, labels: bool) -> Iterator[Batch]:
        for start in range(0, len(frame), self.batch_size):
            chunk = self.bundle.encoders.encode(frame[start : start + self.batch_size], labels=labels)
            self.unseen.update(chunk.unseen)
            self.rows += chunk.rows
            yield make_batch(chunk, self.bundle.layout)

    @torch.inference_mode()
    def _score_batch(self, batch: Batch) -> np.ndarray:
        return self.model(batch.to(self.device)).probabilities().cpu().numpy()
