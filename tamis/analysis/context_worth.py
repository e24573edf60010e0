"""Which fields, and which pairs of fields, tell something in which context: counted, without a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

_FIELD_STRENGTH, _PAIR_STRENGTH = 20.0, 200.0
"""How many rows a prior counts as: pairs have many more values, of which most are seen a few times only."""
_PAIR_THRESHOLD = 3.0
"""In standard errors. There are many pairs: of those that tell nothing fewer than one in 740 lies beyond."""


@dataclass(frozen=True, kw_only=True)
class ContextWorth:
    """What each field tells of the label in each context, in standard errors of its gain on rows not counted yet.

    ``own`` is of the rates that a field's values had in this context before; ``everywhere`` of those they had in all
    contexts, moved to the level of this one; ``pairs`` of what two fields tell together beyond what they tell alone.
    Of a field that tells nothing each is a number with a standard deviation of at most about 1 and a mean *below* 0,
    because rates that are learned from nothing cost something.

    Shape:
        - own, everywhere: ``(contexts, fields)``
        - pairs: ``(contexts, pairs)``, in the order of ``pair_names``; no columns if they were asked on no rows
    """

    fields: tuple[str, ...]
    own: np.ndarray
    everywhere: np.ndarray
    pair_names: tuple[tuple[str, str], ...]
    pairs: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Which fields count in which context, ``(contexts, fields)`` of booleans.

        A field counts where what it told before, there or everywhere, made the rows there more likely than without it,
        or where it tells something together with another field. In a rare context, where little can be known, it counts
        by what it tells everywhere.
        """
        counts = (self.own > 0) | (self.everywhere > 0)
        places = {field: place for place, field in enumerate(self.fields)}
        for names, z in zip(self.pair_names, self.pairs.T, strict=True):
            for name in names:
                counts[:, places[name]] |= z > _PAIR_THRESHOLD
        return counts


def measure_context_worth(
    contexts: np.ndarray, fields: Mapping[str, np.ndarray], labels: np.ndarray, *, pair_rows: int | None = None
) -> ContextWorth:
    """Ask of every field in every context whether it tells something, of each row by the rows before it alone.

    A row's chance by a field is the share of clicks among the earlier rows with the same value in the same context,
    shrunk to the share in that context. The field's gain is by how much the row's label is more likely by that than by
    the context alone, in nats. As every row is judged before it is counted, memory earns nothing. Beside a context
    whose share of clicks were known, the gains of a field that tells nothing would add up to a supermartingale, whose
    sum over the root of its squares is too small rather than too large; that the share is learned too changes little
    (the tests have noise). Rows should come in no order, or in time's.

    Pairs take most of the time, a sort of the rows each; they are asked on the first ``pair_rows`` rows, None for all.

    Source: prequential statistics (Dawid 1984) of Laplace's rule of succession; their use to choose fields by context
    is ours.

    Shape:
        - contexts, labels and each of ``fields``: ``(rows,)``; contexts and fields are whole numbers from 0 on

    Raises:
        ValueError: lengths differ, or a context or value is negative.

    Example:
        >>> random = np.random.default_rng(0)
        >>> context, field, noise = random.integers(0, 2, (3, 4000))
        >>> label = random.random(4000) < np.where(context == 1, 0.2 + 0.4 * field, 0.4)  # counts in 1
        >>> measure_context_worth(context, {"field": field, "noise": noise}, label).own.round().astype(int).tolist()
        [[0, -1], [10, -2]]
    """
    _check(contexts, fields, labels)
    clicks, count = np.asarray(labels, dtype=np.float64), int(contexts.max()) + 1
    overall = rates_before(np.zeros_like(contexts), clicks, np.full(len(clicks), 0.5), strength=2.0)
    plain = rates_before(contexts, clicks, overall, strength=_FIELD_STRENGTH)

    def gain(better: np.ndarray, base: np.ndarray) -> np.ndarray:
        gains = _log_loss(base, clicks[: len(base)]) - _log_loss(better, clicks[: len(base)])
        total, squares = (np.bincount(contexts[: len(base)], part, count) for part in (gains, gains**2))
        return total / np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny))

    first = slice(pair_rows)
    level, general = _logit(plain), _logit(overall)
    own, everywhere, told = [], [], {}
    for name, values in fields.items():
        here = rates_before(_together(contexts, values), clicks, plain, strength=_FIELD_STRENGTH)
        anywhere = rates_before(values, clicks, overall, strength=_FIELD_STRENGTH)
        own.append(gain(here, plain))
        everywhere.append(gain(_logistic(level + _logit(anywhere) - general), plain))
        told[name] = np.where((own[-1] > 0)[contexts[first]], _logit(here[first]) - level[first], 0.0)
    pair_names = () if pair_rows == 0 else tuple(combinations(fields, 2))
    pairs = []
    for one, other in pair_names:
        apart = _logistic(level[first] + told[one] + told[other])
        values = _together(_together(contexts[first], fields[one][first]), fields[other][first])
        pairs.append(gain(rates_before(values, clicks[first], apart, strength=_PAIR_STRENGTH), apart))
    return ContextWorth(
        fields=tuple(fields),
        own=np.stack(own, axis=1),
        everywhere=np.stack(everywhere, axis=1),
        pair_names=pair_names,
        pairs=np.stack(pairs, axis=1) if pairs else np.zeros((count, 0)),
    )


def rates_before(groups: np.ndarray, clicks: np.ndarray, priors: np.ndarray, *, strength: float) -> np.ndarray:
    """For each row the share of clicks among the rows before it in its group, its prior counting as ``strength`` rows.

    Shape:
        - groups, clicks, priors, output: ``(rows,)``

    Example:
        >>> rates_before(np.array([7, 7, 5, 7]), np.array([1.0, 0.0, 1.0, 0.0]), np.full(4, 0.5), strength=2.0).tolist()
        [0.5, 0.6666666666666666, 0.5, 0.5]
    """
    order = np.argsort(groups, kind="stable")
    sorted_groups, sorted_clicks = groups[order], clicks[order]
    places = np.arange(len(groups))
    is_first = np.diff(sorted_groups, prepend=sorted_groups[:1] - 1) != 0
    first = np.maximum.accumulate(np.where(is_first, places, 0))
    clicks_before = np.cumsum(sorted_clicks) - sorted_clicks
    rates = np.empty(len(groups))
    rates[order] = (clicks_before - clicks_before[first] + strength * priors[order]) / (places - first + strength)
    return rates


def _together(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A number for each pair of values."""
    return one.astype(np.int64) * (int(other.max()) + 1) + other


def _log_loss(chances: np.ndarray, clicks: np.ndarray) -> np.ndarray:
    return -np.log(np.where(clicks > 0, chances, 1.0 - chances))


def _logit(chances: np.ndarray) -> np.ndarray:
    return np.log(chances) - np.log1p(-chances)


def _logistic(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -logits))


def _check(contexts: np.ndarray, fields: Mapping[str, np.ndarray], labels: np.ndarray) -> None:
    for name, values in {"contexts": contexts, **fields}.items():
        if len(values) != len(labels):
            raise ValueError(f"{name} must have a value for each of {len(labels):,} labels; got {len(values):,}.")
        if len(values) and values.min() < 0:
            raise ValueError(f"{name} must be whole numbers from 0 on; got {values.min()}.")
