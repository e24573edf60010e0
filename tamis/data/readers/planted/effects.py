"""What a set of fields adds to the logit: a product of hidden values of mean 0, so that it is of one order only."""

from collections.abc import Mapping, Sequence

import numpy as np

from tamis.data.readers.planted.settings import PlantedInteraction
from tamis.data.readers.planted.values import FieldValues, Span, Values


class Effect:
    """The effect of one set of fields: ``sum over r of the product over fields of hidden[field][id, r]``.

    Over the rows its mean is 0 whatever all fields but one hold, and its variance is 1, at any time and in any
    scenario; a missing value makes it 0. The hidden values of the first field are those that move with time and
    differ by scenario. They are a function of the seed, the set, the field and the id.

    Shape:
        - hidden values of a field: ``(ids + 1, rank)``, the last for a missing value
    """

    def __init__(
        self,
        fields: Sequence[FieldValues],
        *,
        interaction: PlantedInteraction,
        key: Sequence[int],
        scenario: FieldValues | None,
    ) -> None:
        first, *others = fields
        self.names = tuple(values.field.name for values in fields)
        self._interaction = interaction
        self._scenario = None
        random = np.random.default_rng([*key, *"/".join(self.names).encode()])
        rank = interaction.rank
        width = rank * (2 if interaction.drift else 1)  # where it moves from, and where to
        self._first = hidden_values(first, width=width, random=random)
        self._others = [hidden_values(values, width=rank, random=random) for values in others]
        if interaction.own and scenario is not None:
            self._scenario = scenario.field.name
            count = sum(scenario.field.blocks)
            own = [hidden_values(first, width=width, random=random, beside=self._first) for _ in range(count)]
            self._own = np.stack([*own, np.zeros_like(self._first)])

    def logits(self, values: Mapping[str, Values], span: Span) -> np.ndarray:
        """What it adds in each row."""
        codes = [values[name].codes for name in self.names]
        product = self._moved(self._first_values(codes[0], values), span)
        for hidden, ids in zip(self._others, codes[1:], strict=True):
            product = product * hidden[ids]
        return product.sum(axis=1) / np.sqrt(self._interaction.rank)

    def _first_values(self, codes: np.ndarray, values: Mapping[str, Values]) -> np.ndarray:
        if self._scenario is None:
            return self._first[codes]
        own = self._interaction.own
        return np.sqrt(1 - own) * self._first[codes] + np.sqrt(own) * self._own[values[self._scenario].codes, codes]

    def _moved(self, hidden: np.ndarray, span: Span) -> np.ndarray:
        """Turned from where they were at the start towards values that have nothing to do with them."""
        if not self._interaction.drift:
            return hidden
        rank = self._interaction.rank
        angles = self._interaction.drift * np.pi / 2 * span.times[:, None]
        return np.cos(angles) * hidden[:, :rank] + np.sin(angles) * hidden[:, rank:]


def hidden_values(
    values: FieldValues, *, width: int, random: np.random.Generator, beside: np.ndarray | None = None
) -> np.ndarray:
    """Random values for the ids of a field: mean 0, variance 1, uncorrelated with each other and with ``beside``.

    That holds exactly, under the frequencies of the ids, both for those there from the start and for the cold
    ones.

    Shape:
        - beside: ``(ids + 1, other width)``
        - output: ``(ids + 1, width)`` float32, zeros for a missing value
    """
    parts, start = [], 0
    for chances in values.block_chances:
        drawn = random.standard_normal((len(chances), width))
        if beside is not None:
            drawn = np.hstack([beside[start : start + len(chances)], drawn])
        parts.append(_uncorrelated(drawn, chances)[:, -width:])
        start += len(chances)
    return np.vstack([*parts, np.zeros((1, width))]).astype(np.float32)


def _uncorrelated(columns: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Centre the columns and take from each what those before it say (Gram and Schmidt, by Cholesky)."""
    # einsum and not a matrix product: its last bits do not depend on the number of threads.
    centred = columns - np.einsum("i,ij->j", chances, columns)
    covariance = np.einsum("ij,ik->jk", chances[:, None] * centred, centred)
    return np.einsum("ij,kj->ik", centred, np.linalg.inv(np.linalg.cholesky(covariance)))
