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
    DenseMatrix,
    ViewActivity,
    block_costs,
    count_parameters,
    curve_at,
    dense_matrices,
    dims_holding,
    field_readers,
    group_shares,
    mass_curve,
    matrix_rank,
    model_cost,
    static_choice,
    unknown_products,
    weight_sparsity,
)
from tamis.analysis.weight_sparsity import ABSOLUTE, OF_LARGEST, OF_ROOT_MEAN_SQUARE
from tamis.batch import Batch
from tamis.config import write_config
from tamis.data.batching import make_batch
from tamis.embeddings import tables_stored
from tamis.experiment.filter_watch import FilterBlock, Watch, filter_blocks, typical_sizes
from tamis.export import Bundle
from tamis.features import Layout
from tamis.layers import DynamicBlock, StaticBlock
from tamis.models import MODELS, SplitModel
from tamis.record import Inspection, RunRecord, machine, versions

CONTROL_SEED = 0
TIMED_ROWS = 1024
_MOST_CELLS = 400  # of one table of views and their sources: keeps the file under 60 kB
_MOST_SOURCES, _MOST_VIEWS = 40, 16


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
    knows the first batch. Memory does not grow with the number of rows; how large inputs typically are is taken from
    the first batch too. ``record`` lends the name of
    the data set and the seed, ``sources`` are names of files to write down. Milliseconds are measured on the first
    1,024 rows, for about ``seconds`` in all.

    Example:
        >>> import tamis
        >>> log = pl.DataFrame({"user": [1, 2] * 50, "item": [1, 2, 3, 4] * 25, "click": [1, 0, 0, 1] * 25})
        >>> ranker = tamis.Ranker("ssr_d", settings={"views": [2], "widths": [4]}, training={"epochs": 1})
        >>> found = ranker.fit(log, label="click").inspect(log)
        >>> found.rows, [layer["name"] for layer in found.layers][0]
        (100, 'body.blocks.0.projection')
    """
    both = tuple(_Subject(model, bundle.layout) for model in (bundle.model.cpu().eval(), _fresh_model(bundle)))
    trained, untrained = both
    rows, first = 0, None
    for batch in _batches(bundle, chunks, batch_size, most_rows):
        if rows == 0:
            untrained.settle(batch)
        rows += len(batch)
        first = batch[:TIMED_ROWS] if first is None else first
        for subject in both:
            subject.score(batch)
        if report is not None:
            report(len(batch))
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
        thresholds={"absolute": ABSOLUTE, "of_largest": OF_LARGEST, "of_root_mean_square": OF_ROOT_MEAN_SQUARE},
        magnitude_edges=MAGNITUDE_EDGES,
        curve_shares=CURVE_SHARES,
        layers=tuple(
            _layer(one, other, names if one.name in readers else None, (trained.sizes, untrained.sizes))
            for one, other in pairs
        ),
        not_inspected=unknown_products(trained.model),
        filters=tuple(
            _rounded(_filter(place, fresh, names, (trained.watch, untrained.watch)))
            for place, fresh in zip(trained.blocks, untrained.blocks, strict=True)
        ),
        relu_layers=tuple(_rounded(layer) for layer in _relu_layers(trained.watch, untrained.watch)),
        milliseconds={} if first is None else _rounded(_milliseconds(trained.model, first, seconds)),
        versions=versions(),
        machine=machine(torch_threads=torch.get_num_threads()),
    )


class _Subject:
    """A model that is looked into; what needs rows is None until it has scored some."""

    def __init__(self, model: nn.Module, layout: Layout) -> None:
        self.model = model
        self.sizes: Tensor | None = None
        self.watch: Watch | None = None
        self._known = _known_batch(layout)
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
            self.watch = Watch(self.model, self.blocks, batch)
        with self.watch.counting():
            self.model(batch)

    @torch.inference_mode()
    def field_readers(self) -> set[str]:
        """The matrices that read the fields; none if the model does not say what its field vectors are."""
        return set() if self._vectors is None else field_readers(self.model, self._known, self._vectors)

    @torch.inference_mode()
    def _field_vectors(self, batch: Batch) -> Tensor | None:
        return self.model.field_vectors(batch).flatten(1) if isinstance(self.model, SplitModel) else None


def _fresh_model(bundle: Bundle) -> nn.Module:
    """The same model before training; the caller's random numbers are left alone."""
    types = {p.dtype for p in bundle.model.parameters() if getattr(p, "row_sparse", False)}
    is_half = torch.bfloat16 in types
    with torch.random.fork_rng(devices=[]), tables_stored(dtype=torch.bfloat16 if is_half else torch.float32):
        torch.manual_seed(CONTROL_SEED)
        return MODELS[bundle.model_name].build(bundle.model_settings, bundle.layout).eval()


def _known_batch(layout: Layout) -> Batch:
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


def _layer(
    trained: DenseMatrix,
    untrained: DenseMatrix,
    fields: tuple[str, ...] | None,
    field_sizes: tuple[Tensor | None, Tensor | None],
) -> dict[str, Any]:
    """One weight matrix, trained and fresh; ``fields`` if it reads them, and how large their numbers typically are."""
    sizes, fresh_sizes = field_sizes if fields else (None, None)
    blocks, outputs, inputs = trained.weight.shape
    layer: dict[str, Any] = {
        "name": trained.name,
        "blocks": blocks,
        "outputs": outputs,
        "inputs": inputs,
        "reads_fields": fields is not None,
        "trained": _weight_figures(trained, sizes),
        "untrained": _weight_figures(untrained, fresh_sizes),
    }
    if fields:
        masses = [trained.mass(), untrained.mass()]
        shares = torch.stack([group_shares(mass, len(fields)) for mass in masses])
        on_rows = None if sizes is None else group_shares(masses[0] * sizes, len(fields)).unsqueeze(0)
        names, columns = _largest(fields, shares[0], _MOST_SOURCES)
        layer["fields"] = {
            "names": names,
            "trained": _fold(shares[:1], columns)[0],
            "untrained": _fold(shares[1:], columns)[0],
            "on_rows": None if on_rows is None else _fold(on_rows, columns)[0],
        }
    return _rounded(layer)


def _weight_figures(matrix: DenseMatrix, sizes: Tensor | None) -> dict[str, Any]:
    shares, rank, mass = weight_sparsity(matrix.weight), matrix_rank(matrix.weight), matrix.mass()
    return {
        "below_absolute": shares.below_absolute,
        "below_largest": shares.below_largest,
        "below_rms": shares.below_rms,
        "dims_for_80": dims_holding(mass),
        "dims_for_80_of_squares": dims_holding(matrix.mass(power=2)),
        "dims_for_80_on_rows": None if sizes is None else dims_holding(mass * sizes),
        "full_rank": rank.full,
        "effective_rank": rank.effective,
        "stable_rank": rank.stable,
        "curve": curve_at(mass_curve(mass)),
        "curve_on_rows": None if sizes is None else curve_at(mass_curve(mass * sizes)),
        "magnitudes": shares.magnitudes,
    }


def _filter(
    one: FilterBlock, fresh: FilterBlock, fields: tuple[str, ...], watches: tuple[Watch | None, Watch | None]
) -> dict[str, Any]:
    """One filter: what it chose, or what it learned and did with the rows."""
    facts: dict[str, Any] = {"name": one.name, "reads_fields": one.reads_fields, "d_in": one.d_in}
    names = fields if one.reads_fields else tuple(f"view {number}" for number in range(1, (one.groups or 0) + 1))
    if isinstance(one.block, StaticBlock):
        indices = one.block.filter.indices
        choice = static_choice(indices, d_in=one.d_in, groups=one.groups or 1)
        return {
            **{"kind": "static", **facts, "views": len(indices), "width": indices.shape[1]},
            **{"zeros": choice.zeros, "unread": choice.unread},
            **{"overlap": _off_diagonal(choice.overlap), "chance_overlap": choice.chance_overlap},
            "overlaps": choice.overlap if len(indices) <= _MOST_VIEWS else None,
            **(_kept_sources(names, choice.groups, None, None) if one.groups else {}),
        }
    assert isinstance(fresh.block, DynamicBlock)
    alpha, gamma = one.block.filter.alpha.detach(), one.block.filter.gamma.detach()
    facts |= {"kind": "dynamic", "views": len(alpha), "width": gamma.shape[1], "iterations": alpha.shape[1]}
    facts |= {"alpha": alpha, "alpha_start": fresh.block.filter.alpha.mean().item()}
    facts |= {"gamma_quartiles": gamma.quantile(torch.linspace(0, 1, 5), dim=1).T}
    facts |= {"gamma_start": fresh.block.filter.gamma.mean().item()}
    watch, fresh_watch = watches
    if watch is None or fresh_watch is None:
        return facts
    found, control = watch.filters[one.name].result(), fresh_watch.filters[fresh.name].result()
    facts |= {"trained": _activity(found), "untrained": _activity(control)}
    facts["overlaps"] = found.overlap if len(alpha) <= _MOST_VIEWS else None
    if found.groups is not None:
        facts |= _kept_sources(names, found.groups, found.groups_spread, found.projected_groups)
    return facts


def _activity(found: ViewActivity) -> dict[str, Any]:
    return {
        "zeros": found.zeros,
        "zeros_spread": found.zeros_spread,
        "dead": found.dead,
        "always": found.always,
        "empty": found.empty,
        "overlap": _off_diagonal(found.overlap),
        "chance_overlap": _off_diagonal(found.chance_overlap),
        "row_overlap": found.row_overlap,
    }


def _relu_layers(watch: Watch | None, fresh_watch: Watch | None) -> Iterator[dict[str, Any]]:
    if watch is None or fresh_watch is None:
        return
    for name, counts in watch.relu_layers.items():
        both = {"trained": counts.result(), "untrained": fresh_watch.relu_layers[name].result()}
        yield {
            "name": name,
            **{
                key: {
                    "zeros": found.zeros.item(),
                    "zeros_spread": found.zeros_spread.item(),
                    "dead": found.dead.item(),
                    "row_overlap": found.row_overlap.item(),
                }
                for key, found in both.items()
            },
        }


def _kept_sources(
    names: tuple[str, ...], groups: Tensor, spread: Tensor | None, projected: Tensor | None
) -> dict[str, Any]:
    """Which fields, or views of the block before, each view keeps; the smallest are added up as others."""
    most = max(1, min(_MOST_SOURCES, _MOST_CELLS // len(groups)))
    names_kept, columns = _largest(names, groups.nanmean(0), most)
    return {
        "sources": names_kept,
        "kept": _fold(groups, columns),
        # Spreads of single groups do not add up to that of their sum.
        "kept_spread": None if spread is None else spread[:, columns[0]],
        "projected": None if projected is None else _fold(projected, columns),
    }


def _largest(names: tuple[str, ...], shares: Tensor, most: int) -> tuple[list[str], tuple[Tensor, Tensor]]:
    """The names of the largest shares, in their own order, with one more for all others; and both kinds' columns."""
    order = shares.argsort(descending=True, stable=True)
    kept, rest = order[:most].sort().values, order[most:]
    return [*(names[i] for i in kept.tolist()), *([f"{len(rest)} others"] if len(rest) else [])], (kept, rest)


def _fold(table: Tensor, columns: tuple[Tensor, Tensor]) -> Tensor:
    kept, rest = columns
    return torch.cat([table[:, kept], table[:, rest].sum(1, keepdim=True)], dim=1) if len(rest) else table[:, kept]


def _milliseconds(model: nn.Module, batch: Batch, seconds: float) -> dict[str, Any]:
    return {
        "rows": len(batch),
        "model": model_cost(model, batch, seconds=seconds / 2),
        "blocks": block_costs(model, batch, seconds=seconds / 2),
    }


def _off_diagonal(overlap: Tensor) -> float:
    """The mean over pairs of different views; *nan* for a single one."""
    return overlap[~torch.eye(len(overlap), dtype=torch.bool)].nanmean().item()


def _rounded(value: Any) -> Any:
    """Plain values of four digits: what a reader can use, in a file that can be kept."""
    if isinstance(value, Tensor):
        return _rounded(value.tolist())
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value
