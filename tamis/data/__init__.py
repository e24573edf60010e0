"""Rows of a log: from files and frames through a split to an encoded set on disk, and from there to batches.

Made from bytes (``readers``, ``recipes``), a schema (``tamis.features``) and a split. Training never comes
here: it is given a ``BatchSource``. Scoring, analysis of data, the command line and experiments ask for
sources, encoded sets and batches. Batches are tensors, so they alone are imported from their file,
``tamis.data.batching``: whoever only prepares data does not wait for torch.
"""

from tamis.data.encoded import EncodedSet, EncodedSplit, prepare
from tamis.data.readers import FORMATS, FrameSource, Source, open_source
from tamis.data.row_share import RowShare
from tamis.data.split import SPLIT_NAMES, SplitSettings, Splitter, make_splitter

__all__ = [
    "FORMATS",
    "SPLIT_NAMES",
    "EncodedSet",
    "EncodedSplit",
    "FrameSource",
    "RowShare",
    "Source",
    "SplitSettings",
    "Splitter",
    "make_splitter",
    "open_source",
    "prepare",
]
