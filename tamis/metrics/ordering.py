"""Rows in order of their score: one sort of packed whole numbers, which numpy does faster than an argsort."""

import numpy as np

from tamis.metrics.scored_rows import ScoredRows

_FLOAT32_BITS = 31  # a float32 in [0, 1] has at most 30 significant bits, and the label takes one more


def sort_by_probability(rows: ScoredRows) -> tuple[np.ndarray, np.ndarray]:
    """Sort rows by probability, then label, so that equal sets of rows give equal arrays.

    The bits of a float between 0 and 1, read as a whole number, are in the order of the floats; the top two
    bits are free, so the label fits in below and one plain sort moves both.

    Shape:
        - output: ``(rows,)`` ascending probabilities and ``(rows,)`` bool labels

    Example:
        >>> from tamis.metrics.scored_rows import check_rows
        >>> sort_by_probability(check_rows([0.5, 0.25, 0.5], [1, 1, 0]))
        (array([0.25, 0.5 , 0.5 ]), array([ True, False,  True]))
    """
    float_type = rows.probabilities.dtype
    bits = rows.probabilities.view(np.uint32 if float_type == np.float32 else np.uint64)
    keys = bits << bits.dtype.type(1)
    keys |= rows.labels
    keys.sort()
    labels = (keys & bits.dtype.type(1)).astype(bool)
    keys >>= bits.dtype.type(1)
    return keys.view(float_type), labels


def sort_by_group(rows: ScoredRows, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort rows by group code, then probability, then label.

    Shape:
        - codes: ``(rows,)`` whole numbers from 0 up to the number of groups
        - output: ``(rows,)`` sorted codes, ``(rows,)`` whole numbers that order the scores as the
          probabilities do, ``(rows,)`` bool labels
    """
    if rows.probabilities.dtype == np.float32:
        order = rows.probabilities.view(np.uint32).astype(np.uint64)
    else:
        # 62 bits of float64 leave no room for a group: replace each score by its rank among the distinct
        # scores.
        order = np.unique(rows.probabilities, return_inverse=True)[1].astype(np.uint64)
    keys = codes.astype(np.uint64) << np.uint64(_FLOAT32_BITS)
    order <<= np.uint64(1)
    keys |= order
    keys |= rows.labels
    keys.sort()
    score_mask = np.uint64((1 << _FLOAT32_BITS) - 1)
    return (
        (keys >> np.uint64(_FLOAT32_BITS)).astype(np.int64),
        (keys & score_mask) >> np.uint64(1),
        (keys & np.uint64(1)).astype(bool),
    )


def run_starts(*columns: np.ndarray) -> np.ndarray:
    """The rows at which a run of equal values begins, in sorted columns of equal length.

    Example:
        >>> run_starts(np.array([4, 4, 7, 9, 9]))
        array([0, 2, 3])
    """
    is_start = np.ones(len(columns[0]), dtype=bool)
    is_start[1:] = False
    for column in columns:
        is_start[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(is_start)
