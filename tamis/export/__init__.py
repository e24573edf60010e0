"""A trained model with its encoders in one folder, from which it can be scored anywhere.

Made from a model, its settings and fitted encoders; asked for by ``serving``, ``experiment`` and ``ranker``.
"""

from tamis.export.bundle import Bundle, load_bundle, save_bundle

__all__ = ["Bundle", "load_bundle", "save_bundle"]
