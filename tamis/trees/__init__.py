"""Trees: LightGBM on the columns of an encoded set, as a reference from outside.

Made here: a table of numbers from encoded rows, with rates fitted on training rows alone, and boosted trees on it.
From: ``data``; no torch, no model of this house, no records. A room of its own because these are no models: they have
neither embeddings nor epochs. Who may ask: ``experiment``.
"""

from tamis.trees.columns import TreeColumns
from tamis.trees.lightgbm import BoostedTrees, LightGBMSettings, fit_trees, load_trees, require_lightgbm

__all__ = ["BoostedTrees", "LightGBMSettings", "TreeColumns", "fit_trees", "load_trees", "require_lightgbm"]
