"""The truth of a planted log: the chance that each row is clicked."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tamis.data.readers.planted.effects import Effect
from tamis.data.readers.planted.settings import PlantedInteraction, PlantedSettings
from tamis.data.readers.planted.values import FieldValues, Span, Values

_CALIBRATION_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class Group:
    """The effects of one interaction, with the weight of each.

    Shape:
        - weights: ``(context ids + 1, effects)``, or ``(1, effects)`` where no context decides
    """

    effects: list[Effect]
    weights: np.ndarray
    context: str | None

    def logits(self, values: Mapping[str, Values], span: Span) -> np.ndarray:
        """What all the effects add in each row."""
        contexts = 0 if self.context is None else values[self.context].codes
        total = np.zeros(span.count)
        for effect, weights in zip(self.effects, self.weights.T, strict=True):
            total += weights[contexts] * effect.logits(values, span)
        return total


class Truth:
    """Click chances: the logistic function of a constant and the effects.

    The constant is such that the mean chance of 65,536 rows, drawn for that alone, is the base rate.

    Example:
        >>> from tamis.data.readers.planted.settings import PlantedField
        >>> user = PlantedField(name="user")
        >>> truth = Truth(PlantedSettings(fields=(user,), base_rate=0.25), {"user": FieldValues(user)})
        >>> truth.chances({}, Span(seed=0, first=0, count=2, total=2)).round(9).tolist()
        [0.25, 0.25]
    """

    def __init__(self, settings: PlantedSettings, fields: Mapping[str, FieldValues]) -> None:
        self._fields = fields
        self._missing_effects = {
            name: field.missing_effect for name, field in settings.columns.items() if field.missing_effect
        }
        self.groups = [
            self._group(settings, interaction, key=(settings.seed, number))
            for number, interaction in enumerate(settings.interactions)
        ]
        self.fields = self._deciding_fields(settings)
        self._base_logit = self._calibrate(settings)

    def chances(self, values: Mapping[str, Values], span: Span) -> np.ndarray:
        """The true click chance of each row; ``values`` must hold the deciding ``fields``.

        Shape:
            - output: ``(rows,)`` float64
        """
        return _logistic(self._base_logit + self._effects(values, span))

    def _effects(self, values: Mapping[str, Values], span: Span) -> np.ndarray:
        total = np.zeros(span.count)
        for group in self.groups:
            total += group.logits(values, span)
        for name, effect in self._missing_effects.items():
            is_missing = values[name].is_missing
            assert is_missing is not None
            total += effect * is_missing
        return total

    def _group(self, settings: PlantedSettings, interaction: PlantedInteraction, *, key: tuple[int, int]) -> Group:
        random = np.random.default_rng(key)
        sets = list(combinations(settings.members(interaction), interaction.order))
        if interaction.count is not None:
            sets = [sets[i] for i in sorted(random.choice(len(sets), interaction.count, replace=False))]
        scenario = None if settings.scenario is None else self._fields[settings.scenario]
        effects = [
            Effect([self._fields[name] for name in names], interaction=interaction, key=key, scenario=scenario)
            for names in sets
        ]
        if interaction.context is None:
            weights = np.full((1, len(sets)), interaction.scale / np.sqrt(len(sets)))
        else:
            assert interaction.active is not None
            contexts = sum(settings.columns[interaction.context].blocks)
            ranks = random.permuted(np.tile(np.arange(len(sets)), (contexts, 1)), axis=1)
            weights = (ranks < interaction.active) * interaction.scale / np.sqrt(interaction.active)
            weights = np.vstack([weights, np.zeros(len(sets))])  # where the context is missing nothing counts
        return Group(effects=effects, weights=weights, context=interaction.context)

    def _deciding_fields(self, settings: PlantedSettings) -> frozenset[str]:
        names = {name for group in self.groups for effect in group.effects for name in effect.names}
        names |= {group.context for group in self.groups if group.context is not None}
        if settings.scenario is not None and any(interaction.own for interaction in settings.interactions):
            names.add(settings.scenario)
        return frozenset(names | set(self._missing_effects))

    def _calibrate(self, settings: PlantedSettings) -> float:
        """The constant, by halving the interval between those that are surely too low and too high."""
        rows = _CALIBRATION_ROWS
        span = Span(seed=settings.seed, first=0, count=rows, total=rows, stream="calibration")
        effects = self._effects({name: self._fields[name].draw(span) for name in self.fields}, span)
        centre, reach = np.log(settings.base_rate / (1 - settings.base_rate)), np.abs(effects).max()
        low, high = centre - reach, centre + reach
        while high - low > 1e-9:
            middle = (low + high) / 2
            is_low = _logistic(middle + effects).mean() < settings.base_rate
            low, high = (middle, high) if is_low else (low, middle)
        return float((low + high) / 2)


def _logistic(logits: np.ndarray) -> np.ndarray:
    """``1 / (1 + exp(-logits))`` without overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))
