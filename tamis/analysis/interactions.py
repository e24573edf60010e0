"""Which fields tell more together than apart, and which one decides about the others: counted, without a model."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

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

LEVEL = 0.05
FEWEST_DECIDED = 3
"""A field that decides about fewer others is one of a pair, or of two, rather than a context."""


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """What each pair of fields tells of the label beyond what both tell alone, on rows not counted yet.

    ``gain`` is in nats a row, ``z`` in standard errors. Rates that are learned from nothing cost something, so a pair
    that tells nothing more has a mean below zero.

    Shape:
        - gain, z: ``(fields, fields)``, symmetric, with zeros on the diagonal
    """

    fields: tuple[str, ...]
    gain: np.ndarray
    z: np.ndarray

    @property
    def is_told(self) -> np.ndarray:
        """Which pairs tell more together, so surely that among fields that tell nothing one would in 5 % of cases."""
        pairs = len(self.fields) * (len(self.fields) - 1) / 2
        return self.z > unlikely_beyond(LEVEL / max(1, pairs))

    def decided_by(self, field: str) -> tuple[str, ...]:
        """The fields of which it depends on ``field`` what they tell."""
        told = self.is_told[self.fields.index(field)]
        return tuple(name for name, is_told in zip(self.fields, told, strict=True) if is_told)

    def strongest(self, *, among: Collection[str]) -> str | None:
        """The field that decides most about others, by the sum of its gains; None if none decides about three."""
        gains = np.where(self.is_told, self.gain, 0.0).sum(axis=1)
        gains = dict(zip(self.fields, gains.tolist(), strict=True))
        decide = [field for field in self.fields if field in among and len(self.decided_by(field)) >= FEWEST_DECIDED]
        return max(decide, key=lambda field: gains[field], default=None)


class _Judged(NamedTuple):
    """Chances of all rows, and how unlikely they make the labels."""

    total: float
    chances: np.ndarray
    losses: np.ndarray


def _best(*ways: _Judged) -> _Judged:
    return min(ways, key=lambda way: way.total)


def measure_interactions(fields: Mapping[str, np.ndarray], labels: np.ndarray) -> Interactions:
    """Ask of every pair of fields whether it tells more than both apart, of each row by the rows before it alone.

    A row's chance by a pair is the share of clicks among the earlier rows with the same two values, shrunk to what the
    two fields say apart: the sum of what their shares add to the logit, or one of them alone, whichever explains the
    labels best. The gain is over that, and over one field alone if it is counted twice as the pair is: two fields that
    say the same gain nothing. Rows should come in no order, or in time's.

    Source: prequential statistics (Dawid 1984); their use to find what decides about fields is ours.

    Shape:
        - labels and each of ``fields``: ``(rows,)``; fields are whole numbers from 0 on

    Raises:
        ValueError: lengths differ, or a value is negative.

    Example:
        >>> random = np.random.default_rng(0)
        >>> slot, one, two, three = random.integers(0, 3, (4, 9000))
        >>> label = random.random(9000) < 0.2 + 0.2 * np.choose(slot, (one, two, three))
        >>> found = measure_interactions({"slot": slot, "one": one, "two": two, "three": three}, label)
        >>> found.strongest(among=found.fields), found.decided_by("slot"), found.decided_by("one")
        ('slot', ('one', 'two', 'three'), ('slot',))
    """
    check_columns(fields, labels)
    clicks = np.asarray(labels, dtype=np.float64)
    overall = overall_rates(clicks)
    level = logit(overall)

    def judged(chances: np.ndarray) -> _Judged:
        losses = log_loss(chances, clicks)
        return _Judged(losses.sum(), chances, losses)

    alone, logits, twice = {}, {}, {}
    for name, values in fields.items():
        rates = judged(rates_before(values, clicks, overall, strength=FIELD_STRENGTH))
        alone[name] = _best(judged(overall), rates)
        logits[name] = logit(alone[name].chances)
        twice[name] = judged(rates_before(values, clicks, alone[name].chances, strength=PAIR_STRENGTH))
    gain, z = np.zeros((2, len(fields), len(fields)))
    for (row, one), (column, other) in combinations(enumerate(fields), 2):
        added = judged(logistic(logits[one] + logits[other] - level))
        apart = _best(added, alone[one], alone[other])
        pair = rates_before(together(fields[one], fields[other]), clicks, apart.chances, strength=PAIR_STRENGTH)
        gains = _best(apart, twice[one], twice[other]).losses - log_loss(pair, clicks)
        gain[row, column] = gain[column, row] = gains.mean()
        z[row, column] = z[column, row] = gains.sum() / np.sqrt(max((gains**2).sum(), np.finfo(np.float64).tiny))
    return Interactions(fields=tuple(fields), gain=gain, z=z)
