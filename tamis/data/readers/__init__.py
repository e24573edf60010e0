"""Files and frames become sources: column chunks (Polars), raw, streamed; one format a file.

Made from bytes on disk or frames in memory. Recipes, the encoded data set, scoring and the command line ask
for them; no other room opens a data file.
"""

from tamis.data.readers.frame import FrameSource, to_polars
from tamis.data.readers.source import FORMATS, Source, open_source

__all__ = ["FORMATS", "FrameSource", "Source", "open_source", "to_polars"]
