"""Figures of an inspection as plain tables: one a layer, one a filter, trained beside untrained."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tamis.analysis import (
    DenseMatrix,
    ViewActivity,
    curve_at,
    dims_holding,
    group_shares,
    mass_curve,
    matrix_rank,
    static_choice,
    weight_sparsity,
)
from tamis.experiment.filter_watch import FilterBlock, Watch, competition_of
from tamis.layers import DynamicBlock, StaticBlock

_MOST_VIEWS = 16  # of which every pair's overlap is told


def layer_figures(
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
        on_rows = None if sizes is None else group_shares(masses[0] * sizes, len(fields))
        layer["fields"] = {"names": fields, "trained": shares[0], "untrained": shares[1], "on_rows": on_rows}
    return rounded(layer)


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


def filter_figures(
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
            **(_kept_sources(names, choice.groups) if one.groups else {}),
        }
    assert isinstance(fresh.block, DynamicBlock)
    trained, untrained = competition_of(one.block), competition_of(fresh.block)
    alpha, gamma = trained.alpha.detach(), trained.gamma.detach()
    facts |= {"kind": "dynamic", "views": len(alpha), "width": gamma.shape[1], "iterations": alpha.shape[1]}
    facts |= {"alpha": alpha, "alpha_start": untrained.alpha.mean().item()}
    facts |= {"gamma_quartiles": gamma.quantile(torch.linspace(0, 1, 5), dim=1).T}
    facts |= {"gamma_start": untrained.gamma.mean().item()}
    watch, fresh_watch = watches
    if watch is None or fresh_watch is None:
        return facts
    found, control = watch.filters[one.name].result(), fresh_watch.filters[fresh.name].result()
    facts |= {"trained": _activity(found), "untrained": _activity(control)}
    facts["overlaps"] = found.overlap if len(alpha) <= _MOST_VIEWS else None
    if found.groups is not None:
        facts |= _kept_sources(names, found.groups, found)
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


def relu_figures(watch: Watch | None, fresh_watch: Watch | None) -> Iterator[dict[str, Any]]:
    """One hidden layer after the other; none without rows."""
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


def _kept_sources(names: tuple[str, ...], groups: Tensor, activity: ViewActivity | None = None) -> dict[str, Any]:
    """Which fields, or views of the block before, each view keeps: all of them, so that any may be asked for later.

    Of a filter that chooses anew for each row also how that varies, what it had to choose from, and some rows.
    """
    facts: dict[str, Any] = {"sources": names, "kept": groups}
    if activity is not None:
        facts |= {"kept_spread": activity.groups_spread, "projected": activity.projected_groups}
        facts |= {"samples": activity.samples}
    return facts


def _off_diagonal(overlap: Tensor) -> float:
    """The mean over pairs of different views; *nan* for a single one."""
    return overlap[~torch.eye(len(overlap), dtype=torch.bool)].nanmean().item()


def rounded(value: Any) -> Any:
    """Plain values of four digits: what a reader can use, in a file that can be kept."""
    if isinstance(value, Tensor):
        return rounded(value.tolist())
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value
