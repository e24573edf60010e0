"""Models of equal size: one factor on the settings that make a model wide, found by halving."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tamis.analysis import (
    active_parameters,
    closed_flops_per_row,
    count_parameters,
    forward_flops_per_row,
    free_memory_bytes,
)
from tamis.batch import Batch
from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches
from tamis.errors import ConfigError
from tamis.experiment import ExperimentSettings, build_model, in_units
from tamis.study.search import RunSettings
from tamis.study.settings import Budget, Entrant

_LARGEST_FACTOR = 4096.0
_HALVINGS = 40
_ROWS = 64
# A weight in float32 with its gradient and the two moments of Adam.
_BYTES_A_WEIGHT = 16


class ShortOfMemory(ConfigError):
    """A model needs more memory than is free now; at another time, or on another machine, it may be built."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a model costs.

    ``dense`` and ``embedding`` count parameters, ``active`` those that one row meets. ``flops`` are those of one row
    forwards as torch counts them while they happen, ``closed_flops`` by formula from the sizes of the layers.
    """

    dense: int
    embedding: int
    active: int
    flops: int
    closed_flops: int


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Settings that meet a budget: the ``factor`` on the scaled settings, None where nothing was scaled.

    A reference has no ``size``.
    """

    settings: RunSettings
    size: Size | None
    factor: float | None


def match_budget(settings: RunSettings, entrant: Entrant, budget: Budget, encoded: EncodedSet) -> Matched:
    """Scale the entrant's ``budget_setting`` until its size is nearest to the target; ``settings`` keep all else.

    Scaled numbers are rounded to the budget's ``multiple``, or to the first half of it that comes within the tolerance.

    Raises:
        ConfigError: nothing within the tolerance can be reached, or a setting to scale is not a number or a list of
            them.
        ShortOfMemory: the weights alone need more memory than is free.
    """
    if not isinstance(settings, ExperimentSettings):
        return Matched(settings=settings, size=None, factor=None)
    batch = _some_rows(encoded)
    names = entrant.model.budget_setting
    if entrant.target is None or not names:
        return Matched(settings=settings, size=measure(settings, encoded, batch), factor=None)
    target = entrant.target
    problem = too_large(target, budget.kind)
    if problem is not None:
        raise ShortOfMemory(f"model {entrant.label!r} on {entrant.data.name!r}: {problem}")
    cost = _Cost(settings, budget.kind, encoded, batch)

    tried: list[tuple[float, Any]] = []
    for multiple in _halves(budget.multiple):
        try:
            tried.append(_nearest(settings.model_settings, names, cost, target, multiple))
        except ConfigError:
            # Steps so fine that the model refuses them; the coarsest are those that the study asks for.
            if not tried:
                raise
            break
        if abs(cost(tried[-1][1]) - target) <= budget.tolerance * target:
            break
    factor, config = min(tried, key=lambda found: abs(cost(found[1]) - target))
    if abs(cost(config) - target) > budget.tolerance * target:
        reached = {name: getattr(config, name) for name in names}
        raise ConfigError(
            f"model {entrant.label!r} on {entrant.data.name!r}: the budget of {target:,} {budget.kind} must be met "
            f"within {budget.tolerance:.0%}; the nearest is {cost(config):,}, with {_shown(reached)}. Scale more "
            "settings by budget_setting, change those that are not scaled, or raise [budget] tolerance."
        )
    matched = dataclasses.replace(settings, model_settings=config)
    return Matched(settings=matched, size=measure(matched, encoded, batch), factor=factor)


def weights_bytes(target: int, kind: str) -> int:
    """What the dense weights of a model of ``target`` parameters, or FLOPs of one row, need at least while it trains.

    Example:
        >>> weights_bytes(1_000_000, "parameters"), weights_bytes(1_000_000, "flops")
        (16000000, 8000000)
    """
    # A product counts two operations for each of its weights.
    return _BYTES_A_WEIGHT * target // (2 if kind == "flops" else 1)


def too_large(target: int, kind: str) -> str | None:
    """Why a model of this size will not even be built, if its weights alone need more memory than is free."""
    free, needed = free_memory_bytes(), weights_bytes(target, kind)
    if free is None or needed <= free:
        return None
    return (
        f"{target:,} {kind} need {in_units(needed)} of memory for dense weights, gradients and Adam's moments alone, "
        f"and {in_units(free)} are free. Leave this target out here, or take a machine with more memory."
    )


def _nearest(
    config: Any, names: tuple[str, ...], cost: Callable[[Any], int], target: int, multiple: int
) -> tuple[float, Any]:
    """The factor whose scaled settings cost nearest to the target, and those settings; costs grow with the factor."""

    def candidate(factor: float) -> Any:
        scaled = {name: _scale(name, getattr(config, name), factor, multiple) for name in names}
        return dataclasses.replace(config, **scaled)

    low, high = 0.0, 1.0
    while cost(candidate(high)) < target and high < _LARGEST_FACTOR:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(candidate(middle)) < target else (low, middle)
    factor = min((low, high), key=lambda factor: abs(cost(candidate(factor)) - target))
    return factor, candidate(factor)


def _halves(multiple: int) -> list[int]:
    """The multiple, and finer ones for models that grow in large steps.

    Example:
        >>> _halves(8)
        [8, 4, 2, 1]
    """
    return [multiple] if multiple == 1 else [multiple, *_halves(multiple // 2)]


def measure(settings: ExperimentSettings, encoded: EncodedSet, batch: Batch | None = None) -> Size:
    """The size of a model, without memory for its tables; a few training rows stand for all."""
    batch = _some_rows(encoded) if batch is None else batch
    with torch.random.fork_rng(devices=[]):
        model = build_model(settings, encoded, is_hollow=True)
    counts = count_parameters(model)
    return Size(
        dense=counts["dense"],
        embedding=counts["embedding"],
        active=active_parameters(model, batch),
        flops=forward_flops_per_row(model, batch),
        closed_flops=closed_flops_per_row(model),
    )


class _Cost:
    """What the budget counts, remembered for settings already tried."""

    def __init__(self, settings: ExperimentSettings, kind: str, encoded: EncodedSet, batch: Batch) -> None:
        self._settings, self._encoded, self._batch = settings, encoded, batch
        self._count: Callable[[Any], int] = {
            "parameters": lambda model: count_parameters(model)["dense"],
            "flops": lambda model: forward_flops_per_row(model, batch),
        }[kind]
        self._known: dict[Any, int] = {}

    def __call__(self, config: Any) -> int:
        if config not in self._known:
            settings = dataclasses.replace(self._settings, model_settings=config)
            with torch.random.fork_rng(devices=[]):
                self._known[config] = self._count(build_model(settings, self._encoded, is_hollow=True))
        return self._known[config]


def _scale(name: str, value: Any, factor: float, multiple: int) -> Any:
    """Each number times ``factor``, to the nearest multiple, and no less than one.

    Example:
        >>> _scale("hidden", (100, 30), 0.5, 4), _scale("rank", 3, 0.1, 4)
        ((52, 16), 4)
    """
    if isinstance(value, tuple) and value:
        return tuple(_scale(name, number, factor, multiple) for number in value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(
            f"budget_setting {name!r} must be a whole number or a list of them to be scaled; got {value!r}. "
            "Give it a value in [model.settings]."
        )
    return max(multiple, multiple * int(value * factor / multiple + 0.5))


def _some_rows(encoded: EncodedSet) -> Batch:
    rows = min(_ROWS, encoded.rows("train"))
    batches = EncodedBatches(encoded.split("train"), encoded.layout, batch_size=rows)
    return next(iter(batches.epoch(0)))


def _shown(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {list(v) if isinstance(v, tuple) else v}" for name, v in values.items())
