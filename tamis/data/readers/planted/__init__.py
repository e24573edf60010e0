"""Planted logs: rows made up on the fly by a known rule, so that the true click chance of every row is known.

Made from settings (``PlantedSettings``) alone: no file, any number of rows, the same rows whatever the chunks.
Recipes and ``open_source`` ask for them; so may anybody who wants data whose truth is known.
"""

from tamis.data.readers.planted.schema import planted_schema
from tamis.data.readers.planted.settings import CHANCE, ColdIds, PlantedField, PlantedInteraction, PlantedSettings
from tamis.data.readers.planted.source import PlantedSource, open_planted
from tamis.data.readers.planted.truth import Truth
from tamis.data.readers.planted.zipf import Zipf

__all__ = [
    "CHANCE",
    "ColdIds",
    "PlantedField",
    "PlantedInteraction",
    "PlantedSettings",
    "PlantedSource",
    "Truth",
    "Zipf",
    "open_planted",
    "planted_schema",
]
