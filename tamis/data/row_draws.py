"""One random draw a row, which depends on a seed and the row's number alone."""

from collections.abc import Sequence

import numpy as np


def row_draws(seed: int | Sequence[int], first_row: int, rows: int) -> np.ndarray:
    """Uniform draws in [0, 1) for ``rows`` rows from number ``first_row`` on.

    Row ``r`` takes number ``r`` of the stream that the seed starts (PCG64), whatever the chunks. A seed of
    several numbers starts a stream of its own for each purpose.

    Example:
        >>> bool((row_draws(0, 0, 5)[3:] == row_draws(0, 3, 2)).all())
        True
    """
    # A double takes one step of the generator, so that row r begins after r steps.
    return np.random.Generator(np.random.PCG64(seed).advance(first_row)).random(rows)
