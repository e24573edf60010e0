"""The sparsity of one trained model: its weights and filters, beside the same model before training."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

from tamis.analysis import (
    CURVE_SHARES,
    MAGNITUDE_EDGES,
    THRESHOLDS,
    block_costs,
    count_parameters,
    dense_matrices,
    field_readers,
    model_cost,
    unknown_products,
)
from tamis.batch import Batch
from tamis.config import write_config
from tamis.data.batching import make_batch
from tamis.embeddings import tables_stored
from tamis.experiment.filter_watch import Watch, filter_blocks, typical_sizes
from tamis.experiment.inspection_figures import filter_figures, layer_figures, relu_figures, rounded
from tamis.export import Bundle
from tamis.features import Layout
from tamis.models import MODELS, SplitModel
from tamis.record import Inspection, RunRecord, machine, versions

CONTROL_SEED = 0
TIMED_ROWS = 1024


def inspect_model(
    bundle: Bundle,
    chunks: Iterable[pl.DataFrame] = (),
    *,
    record: RunRecord | None = None,
    sources: Sequence[str] = (),
    batch_size: int = 4096,
    most_rows: int | None = None,
    seconds: float = 6.0,
    report: Callable[[int], None] | None = None,
) -> Inspection:
    """Look into a trained model, and with rows into what its filters do with them; labels are not needed.

    The control is the same model with fresh weights and tables (seed 0), measured on the same rows; its normalisation
    knows the first batch, from which it is also taken how large inputs typically are. Memory does not grow with the
    number of rows. ``record`` lends the name of the data set and the seed, ``sources`` are names of files to write
    down. Milliseconds are measured on the first 1,024 rows, for about ``seconds`` in all.

    Example:
        >>> import tamis
        >>> log = pl.DataFrame({"user": [1, 2] * 50, "item": [1, 2, 3, 4] * 25, "click": [1, 0, 0, 1] * 25})
        >>> ranker = tamis.Ranker("ssr_d", settings={"views": [2], "widths": [4]}, training={"epochs": 1})
        >>> found = ranker.fit(log, label="click").inspect(log)
        >>> found.rows, [layer["name"] for layer in found.layers][0]
        (100, 'body.blocks.0.projection')
    """
    trained, untrained = (_Subject(model, bundle.layout) for model in (bundle.model.cpu().eval(), _fresh_model(bundle)))
    rows, first = _look((trained, untrained), _batches(bundle, chunks, batch_size, most_rows), report)
    names = bundle.layout.field_names
    readers = trained.field_readers()
    pairs = zip(dense_matrices(trained.model), dense_matrices(untrained.model), strict=True)
    return Inspection(
        model=bundle.model_name,
        rows=rows,
        preset=getattr(bundle.model_settings, "preset", None),
        dataset=record.dataset if record else None,
        split=record.split if record else None,
        seed=record.seed if record else None,
        settings=write_config(bundle.model_settings),
        parameters=count_parameters(trained.model),
        sources=tuple(sources),
        num_fields=bundle.layout.num_fields,
        thresholds=dict(THRESHOLDS),
        magnitude_edges=MAGNITUDE_EDGES,
        curve_shares=CURVE_SHARES,
        layers=tuple(
            layer_figures(one, other, names if one.name in readers else None, (trained.sizes, untrained.sizes))
            for one, other in pairs
        ),
        not_inspected=unknown_products(trained.model),
        filters=tuple(
            rounded(filter_figures(place, fresh, names, (trained.watch, untrained.watch)))
            for place, fresh in zip(trained.blocks, untrained.blocks, strict=True)
        ),
        relu_layers=tuple(rounded(layer) for layer in relu_figures(trained.watch, untrained.watch)),
        milliseconds={} if first is None else rounded(_milliseconds(trained.model, first, seconds)),
        versions=versions(),
        machine=machine(torch_threads=torch.get_num_threads()),
    )


class _Subject:
    """A model that is looked into; what needs rows is None until it has scored some."""

    def __init__(self, model: nn.Module, layout: Layout) -> None:
        self.model = model
        self.sizes: Tensor | None = None
        self.watch: Watch | None = None
        self._known = known_batch(layout)
        self._vectors = self._field_vectors(self._known)
        flat_width = None if self._vectors is None else self._vectors.shape[1]
        self.blocks = filter_blocks(model, num_fields=layout.num_fields, flat_width=flat_width)

    @torch.no_grad()
    def settle(self, batch: Batch) -> None:
        """Let a fresh model's normalisation know some rows, as the first step of training would."""
        if len(batch) > 1:
            with torch.random.fork_rng(devices=[]):  # dropout draws
                self.model.train()(batch)
            self.model.eval()

    @torch.inference_mode()
    def score(self, batch: Batch) -> None:
        """Count what the model does with some rows; the first say how large inputs typically are."""
        if self.watch is None:
            vectors = self._field_vectors(batch)
            self.sizes = None if vectors is None else typical_sizes(vectors)
            self.watch = Watch(self.model, self.blocks)
        with self.watch.counting():
            self.model(batch)

    @torch.inference_mode()
    def field_readers(self) -> set[str]:
        """The matrices that read the fields; none if the model does not say what its field vectors are."""
        return set() if self._vectors is None else field_readers(self.model, self._known, self._vectors)

    @torch.inference_mode()
    def _field_vectors(self, batch: Batch) -> Tensor | None:
        return self.model.field_vectors(batch).flatten(1) if isinstance(self.model, SplitModel) else None


def _look(
    both: tuple[_Subject, _Subject], batches: Iterable[Batch], report: Callable[[int], None] | None
) -> tuple[int, Batch | None]:
    """Let both models score all rows; gives their number and the first of them, which are to be timed."""
    rows, first = 0, None
    for batch in batches:
        if first is None:
            first = batch[:TIMED_ROWS]
            both[1].settle(batch)
        for subject in both:
            subject.score(batch)
        rows += len(batch)
        if report is not None:
            report(len(batch))
    return rows, first


def _fresh_model(bundle: Bundle) -> nn.Module:
    """The same model before training; the caller's random numbers are left alone."""
    types = {p.dtype for p in bundle.model.parameters() if getattr(p, "row_sparse", False)}
    is_half = torch.bfloat16 in types
    with torch.random.fork_rng(devices=[]), tables_stored(dtype=torch.bfloat16 if is_half else torch.float32):
        torch.manual_seed(CONTROL_SEED)
        return MODELS[bundle.model_name].build(bundle.model_settings, bundle.layout).eval()


def known_batch(layout: Layout) -> Batch:
    """Two rows of valid ids, different in every field."""
    ids = torch.tensor([[1] * len(layout.ids), [layout.tables[field.table] - 1 for field in layout.ids]])
    scenario = [field.name for field in layout.ids].index(layout.scenario) if layout.scenario else None
    return Batch(
        ids=ids,
        lists=tuple(torch.tensor([[1], [layout.tables[field.table] - 1]]) for field in layout.lists),
        dense=torch.tensor([[0.5], [-1.0]]).expand(2, layout.dense_width),
        scenarios=None if scenario is None else ids[:, scenario],
    )


def _batches(bundle: Bundle, chunks: Iterable[pl.DataFrame], batch_size: int, most_rows: int | None) -> Iterator[Batch]:
    left = math.inf if most_rows is None else most_rows
    for chunk in chunks:
        for start in range(0, len(chunk), batch_size):
            part = chunk[start : start + int(min(batch_size, left))]
            if not len(part):
                return
            left -= len(part)
            yield make_batch(bundle.encoders.encode(part, labels=False), bundle.layout)


def _milliseconds(model: nn.Module, batch: Batch, seconds: float) -> dict[str, Any]:
    return {
        "rows": len(batch),
        "model": model_cost(model, batch, seconds=seconds / 2),
        "blocks": block_costs(model, batch, seconds=seconds / 2),
    }
