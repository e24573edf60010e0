"""Boosted trees by LightGBM: fitted with early stopping on validation rows, saved as text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tamis.data import EncodedSet
from tamis.errors import ConfigError
from tamis.trees.columns import Encoding, TreeColumns

_NAMES = {"auc": "auc", "log_loss": "binary_logloss"}


@dataclass(frozen=True, kw_only=True)
class LightGBMSettings:
    """Settings of LightGBM, under plain names.

    ``encoding`` and ``smoothing`` say how ids become numbers (see ``TreeColumns``). At most ``rounds`` trees of up to
    ``leaves`` leaves with ``leaf_rows`` rows or more are added; after ``patience`` rounds without a better validation
    it stops, and the trees up to the best stay. Each tree sees ``column_share`` of the columns and ``row_share`` of the
    rows; ``l2`` shrinks leaves.
    """

    encoding: Encoding = "rates"
    smoothing: float = 10.0
    rounds: int = 2000
    patience: int = 50
    learning_rate: float = 0.05
    leaves: int = 31
    leaf_rows: int = 20
    column_share: float = 1.0
    row_share: float = 1.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        least = {"rounds": 1, "patience": 1, "leaves": 2, "leaf_rows": 1, "l2": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ConfigError(f"LightGBMSettings {name} must be at least {low}; got {getattr(self, name)}.")
        for name in ("learning_rate", "smoothing"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"LightGBMSettings {name} must be above 0; got {getattr(self, name)}.")
        for name in ("column_share", "row_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"LightGBMSettings {name} must be above 0 and at most 1; got {getattr(self, name)}.")


class BoostedTrees:
    """Fitted trees and the columns they read.

    ``trees`` and ``leaves`` count those that score, up to the best round.
    """

    def __init__(self, booster: Any, columns: TreeColumns) -> None:
        self._booster, self._columns = booster, columns
        self.trees: int = booster.best_iteration if booster.best_iteration > 0 else booster.num_trees()
        self.leaves: int = sum(tree["num_leaves"] for tree in booster.dump_model()["tree_info"][: self.trees])

    def score(self, encoded: EncodedSet, split: str) -> np.ndarray:
        """The chances of the rows of a split.

        Shape:
            - output: ``(rows,)`` float32
        """
        table = self._columns.of(encoded.split(split))
        return self._booster.predict(table, num_iteration=self.trees).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the trees in LightGBM's own text form; the columns are made again from the encoded set."""
        self._booster.save_model(path, num_iteration=self.trees)


def fit_trees(encoded: EncodedSet, settings: LightGBMSettings, *, metric: str = "auc", seed: int = 0) -> BoostedTrees:
    """Fit on the training rows, and stop by the validation rows; the test rows are not opened.

    ``metric`` stops by AUC, or by log loss for every other name. The same seed gives the same trees on any number of
    threads.

    Source: Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree".

    Raises:
        ConfigError: LightGBM is not installed, or the rows have several labels.
    """
    lightgbm = require_lightgbm()
    train, valid = encoded.split("train"), encoded.split("valid")
    columns = _columns(encoded, settings, seed)
    (task,) = encoded.layout.tasks
    parameters = {
        "objective": "binary",
        "metric": _NAMES.get(metric, "binary_logloss"),
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.leaf_rows,
        "feature_fraction": settings.column_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": int(settings.row_share < 1),
        "lambda_l2": settings.l2,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    table = lightgbm.Dataset(
        columns.training(),
        label=np.asarray(train.labels[task]),
        weight=None if train.weights is None else np.asarray(train.weights),
        categorical_feature=columns.categorical,
        params=parameters,
    )
    held_out = table.create_valid(columns.of(valid), label=np.asarray(valid.labels[task]), params=parameters)
    booster = lightgbm.train(
        parameters,
        table,
        num_boost_round=settings.rounds,
        valid_sets=[held_out],
        callbacks=[lightgbm.early_stopping(settings.patience, verbose=False)],
    )
    return BoostedTrees(booster, columns)


def load_trees(path: Path, encoded: EncodedSet, settings: LightGBMSettings, *, seed: int = 0) -> BoostedTrees:
    """What ``save`` wrote, with the columns that the same settings and seed make of the same training rows."""
    booster = require_lightgbm().Booster(model_file=path)
    return BoostedTrees(booster, _columns(encoded, settings, seed))


def require_lightgbm() -> Any:
    """The package, or one sentence how to get it.

    Raises:
        ConfigError: LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError:
        raise ConfigError(
            "the reference lightgbm needs the package lightgbm, which is not there. Install it with "
            "`pip install -c constraints.txt 'tamis[gbdt]'`, or leave the reference out."
        ) from None
    return lightgbm


def _columns(encoded: EncodedSet, settings: LightGBMSettings, seed: int) -> TreeColumns:
    return TreeColumns(
        encoded.layout,
        encoded.split("train"),
        encoding=settings.encoding,
        smoothing=settings.smoothing,
        seed=seed,
    )
