"""Some rows after encoding: plain NumPy columns, what the encoded set stores and batching reads."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True)
class ListColumn:
    """The ids of a list field, row after row.

    Shape:
        - values: ``(all ids,)`` int32
        - offsets: ``(rows + 1,)`` int64; row ``r`` holds ``values[offsets[r]:offsets[r + 1]]``
    """

    values: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True, kw_only=True)
class EncodedChunk:
    """Encoded columns by field name.

    ``unseen`` counts, for each feature that is looked up, the values that training did not teach the encoder;
    ``unseen_in_rows`` does so row by row, for the features that have any.

    Shape:
        - ids: ``(rows,)`` int32 each; 0 is padding (in lists only), 1 is unknown
        - dense: ``(rows, width)`` float32 each
        - labels: ``(rows,)`` float32 each, 0 or 1; empty when labels were not asked for
        - weights: ``(rows,)`` float32, or None
        - groups: ``(rows,)`` int64, whole numbers as they are and text hashed, or None
        - times: ``(rows,)`` int64, in seconds for dates and as they are for whole numbers, or None
        - unseen_in_rows: ``(rows,)`` whole numbers or booleans each
    """

    rows: int
    ids: dict[str, np.ndarray] = field(default_factory=dict)
    lists: dict[str, ListColumn] = field(default_factory=dict)
    dense: dict[str, np.ndarray] = field(default_factory=dict)
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    unseen: dict[str, int] = field(default_factory=dict)
    unseen_in_rows: dict[str, np.ndarray] = field(default_factory=dict)
