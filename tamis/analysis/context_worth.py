"""Which fields, and which pairs of fields, tell something in which context: counted, without a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tamis.analysis.prequential import (
    FIELD_STRENGTH,
    PAIR_STRENGTH,
    check_columns,
    log_loss,
    logistic,
    logit,
    overall_rates,
    rates_before,
    together,
    unlikely_beyond,
)

PAIR_THRESHOLD = 3.0
"""In standard errors. There are many pairs: of those that tell nothing fewer than one in 740 lies beyond."""
SELDOM = 0.0228
"""The chance of a standard normal number beyond 2."""


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
        return (self.own > 0) | (self.everywhere > 0) | (self._best_pairs > PAIR_THRESHOLD)

    @property
    def counts_surely(self) -> np.ndarray:
        """Which fields tell something in some context beyond doubt, ``(fields,)`` of booleans.

        A field is asked in each context alone and with each other field, so some of that looks well by chance. Here it
        must be so good that of fields that tell nothing anywhere at most one in 44 counts, as beyond two standard
        errors of a single question.
        """
        contexts = int((self.own != 0).any(axis=1).sum())
        questions = contexts * (len(self.fields) + 1)
        threshold = unlikely_beyond(SELDOM / max(1, questions))
        return np.maximum.reduce([self.own, self.everywhere, self._best_pairs]).max(axis=0) > threshold

    @property
    def _best_pairs(self) -> np.ndarray:
        """The best that each field tells in each context together with another, ``(contexts, fields)``."""
        best = np.full(self.own.shape, -np.inf)
        places = {field: place for place, field in enumerate(self.fields)}
        for names, z in zip(self.pair_names, self.pairs.T, strict=True):
            for name in names:
                best[:, places[name]] = np.maximum(best[:, places[name]], z)
        return best


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
    check_columns({"contexts": contexts, **fields}, labels)
    clicks, count = np.asarray(labels, dtype=np.float64), int(contexts.max()) + 1
    overall = overall_rates(clicks)
    plain = rates_before(contexts, clicks, overall, strength=FIELD_STRENGTH)

    def gain(better: np.ndarray, base: np.ndarray) -> np.ndarray:
        gains = log_loss(base, clicks[: len(base)]) - log_loss(better, clicks[: len(base)])
        total, squares = (np.bincount(contexts[: len(base)], part, count) for part in (gains, gains**2))
        return total / np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny))

    first = slice(pair_rows)
    level, general = logit(plain), logit(overall)
    own, everywhere, told = [], [], {}
    for name, values in fields.items():
        here = rates_before(together(contexts, values), clicks, plain, strength=FIELD_STRENGTH)
        anywhere = rates_before(values, clicks, overall, strength=FIELD_STRENGTH)
        own.append(gain(here, plain))
        everywhere.append(gain(logistic(level + logit(anywhere) - general), plain))
        told[name] = np.where((own[-1] > 0)[contexts[first]], logit(here[first]) - level[first], 0.0)
    pair_names = () if pair_rows == 0 else tuple(combinations(fields, 2))
    pairs = []
    for one, other in pair_names:
        apart = logistic(level[first] + told[one] + told[other])
        values = together(together(contexts[first], fields[one][first]), fields[other][first])
        pairs.append(gain(rates_before(values, clicks[first], apart, strength=PAIR_STRENGTH), apart))
    return ContextWorth(
        fields=tuple(fields),
        own=np.stack(own, axis=1),
        everywhere=np.stack(everywhere, axis=1),
        pair_names=pair_names,
        pairs=np.stack(pairs, axis=1) if pairs else np.zeros((count, 0)),
    )
