"""What a column means: the schema of a log, and the encoders that turn its values into ids and numbers.

Made from raw columns (Polars frames): fitted on training rows once, saved, and used unchanged for scoring.
Asked for by ``data`` (encoded sets, batches), ``export`` and ``serving``; models and embeddings ask for the
``Layout`` only. No torch.
"""

from tamis.features.encoded_chunk import EncodedChunk, ListColumn
from tamis.features.encoders import Encoders
from tamis.features.fit import fit_encoders
from tamis.features.layout import FIRST_KNOWN, PADDING, UNKNOWN, Context, DenseField, IdField, Layout, ListField
from tamis.features.schema import Field, Kind, Schema

__all__ = [
    "Context",
    "FIRST_KNOWN",
    "PADDING",
    "UNKNOWN",
    "DenseField",
    "EncodedChunk",
    "Encoders",
    "Field",
    "IdField",
    "Kind",
    "Layout",
    "ListColumn",
    "ListField",
    "Schema",
    "fit_encoders",
]
