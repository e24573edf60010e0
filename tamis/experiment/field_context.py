"""Where fields do not count: what the training rows say of each field in each value of a context."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tamis.analysis import measure_context_worth, measure_interactions
from tamis.config import suggest
from tamis.data import EncodedSet, RowShare
from tamis.errors import ConfigError
from tamis.experiment.settings import AUTO, ExperimentSettings
from tamis.features import Context

# Enough to tell what matters in a context, and a bound on how long pairs take: under half a minute.
_MOST_ROWS, _MOST_PAIRED_VALUES = 1_000_000, 100_000_000
_BUCKETS = 32
_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class FoundContext:
    """Where fields do not count that count somewhere, and those that tell something in some value beyond doubt.

    ``values`` are the names of the context's values that training rows have, by their ids.
    """

    context: Context
    sure: tuple[str, ...]
    values: dict[int, str]

    def of(self, fields: Collection[str | None]) -> Context:
        """The same for some of the fields."""
        left_out = {name: ids for name, ids in self.context.left_out.items() if name in fields}
        return Context(field=self.context.field, left_out=left_out)


def find_context(settings: ExperimentSettings, encoded: EncodedSet) -> FoundContext | None:
    """Ask the training rows where each field counts.

    A context of "auto" is the categorical field that decides most about others, None if none decides about several.
    With several labels it is asked of the first. Numbers are asked in buckets. Lists and vectors are not asked and
    count everywhere, and so does every field where no training row has the context's value.

    Raises:
        ConfigError: the context is no categorical field.
    """
    assert settings.worth is not None and settings.worth.context is not None
    layout, name, texts = encoded.layout, settings.worth.context, encoded.encoders.state.text_tables
    tables = {one.name: one.table for one in layout.ids}
    categorical = [one for one, table in tables.items() if table in texts]
    if name != AUTO and name not in categorical:
        raise ConfigError(
            f'[worth] context must be a categorical field or "{AUTO}"; got {name!r}. {suggest(name, categorical)}'
        )
    split = encoded.split("train")
    order = _rows_asked(split.rows, settings.data.train_share or 1.0, seed=settings.training.seed)
    values = {one: split.ids[one][order] for one in tables}
    scales = encoded.encoders.state.scales
    values |= {one.name: _buckets(split.dense[one.name][order]) for one in layout.dense if one.name in scales}
    labels = split.labels[layout.tasks[0]][order] > 0
    pair_rows = _MOST_PAIRED_VALUES // max(1, math.comb(len(values), 2))
    if name == AUTO:
        part = {one: column[:pair_rows] for one, column in values.items()}
        found = measure_interactions(part, labels[:pair_rows]).strongest(among=categorical)
        if found is None:
            return None
        name = found
    # Ids may be many, and those among the rows asked few.
    seen, contexts = np.unique(values.pop(name), return_inverse=True)
    worth = measure_context_worth(contexts, values, labels, pair_rows=pair_rows)
    left_out = {
        one: tuple(seen[~counts].tolist())
        for one, counts in zip(worth.fields, worth.counts.T, strict=True)
        if counts.any()
    }
    names = encoded.encoders.value_names(tables[name])
    return FoundContext(
        context=Context(field=name, left_out=left_out),
        sure=tuple(one for one, is_sure in zip(worth.fields, worth.counts_surely, strict=True) if is_sure),
        values={value: names[value] for value in seen.tolist()},
    )


def _rows_asked(rows: int, share: float, *, seed: int) -> np.ndarray:
    """Numbers of rows that train, in no order, as rows of a file may come sorted; of many rows about a million."""
    asked = RowShare(min(share, _MOST_ROWS / rows))
    places = [first + asked.kept(first, min(_CHUNK, rows - first)) for first in range(0, rows, _CHUNK)]
    return np.random.default_rng(seed).permutation(np.concatenate(places))


def _buckets(numbers: np.ndarray) -> np.ndarray:
    """Some equally frequent ranges of a standardised number, those of missing ones apart."""
    edges = np.quantile(numbers[:, 0], np.linspace(0, 1, _BUCKETS + 1)[1:-1])
    buckets = np.searchsorted(edges, numbers[:, 0])
    return buckets if numbers.shape[1] == 1 else 2 * buckets + (numbers[:, 1] > 0)
