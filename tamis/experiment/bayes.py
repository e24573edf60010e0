"""The Bayes bound of each split of a planted log."""

from dataclasses import replace

from tamis.data import SPLIT_NAMES, RowShare, make_splitter
from tamis.data.readers.planted import CHANCE, PlantedSource
from tamis.errors import ConfigError
from tamis.experiment.prepare import open_data
from tamis.experiment.settings import DataSettings
from tamis.metrics import BayesBound


def bayes_bounds(data: DataSettings) -> dict[str, dict[str, float]]:
    """What the true click chances would score on each split, by the name of the split: see ``BayesBound``.

    The rows are those that a model is trained, validated and tested on with the same settings, ``train_share`` among
    them.

    Raises:
        ConfigError: the data are not a planted log, so that nobody knows the true chances.

    Example:
        >>> bounds = bayes_bounds(DataSettings(recipe="planted-null", options={"rows": 1000}))
        >>> bounds["test"]["auc"]
        0.5
    """
    opened = open_data(data)
    if not isinstance(opened.rows, PlantedSource):
        raise ConfigError(f"{opened.name}: true chances are known of planted logs only. Name one, like planted-sparse.")
    source = PlantedSource(replace(opened.rows.settings, with_chance=True), name=opened.rows.name)
    splitter = make_splitter(opened.split)
    splitter.prepare(source, opened.schema)
    bounds, share = {name: BayesBound() for name in SPLIT_NAMES}, RowShare(data.train_share or 1.0)
    first_row, first_trained = 0, 0
    for chunk in source.chunks([*splitter.columns(opened.schema), CHANCE]):
        parts, chances = splitter.assign(chunk, first_row), chunk[CHANCE].to_numpy()
        for number, (name, bound) in enumerate(bounds.items()):
            rows = chances[parts == number]
            if name == "train":
                kept = share.kept(first_trained, len(rows))
                first_trained += len(rows)
                rows = rows[kept]
            bound.update(rows)
        first_row += len(chunk)
    return {name: bound.compute() for name, bound in bounds.items()}
