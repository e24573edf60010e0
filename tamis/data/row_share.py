"""A share of the rows of a split, the same for everyone, each inside every larger one."""

import numpy as np

from tamis.data.row_draws import row_draws
from tamis.errors import ConfigError

# A stream of its own, so that no split or shuffle draws the same numbers.
_SEED = (20_260_101, 7)


class RowShare:
    """The rows whose own draw lies below ``share``: a row in one share is in every larger one.

    The draw of a row depends on its number in the split and on nothing else: no seed of training, chunk or batch.

    Raises:
        ConfigError: the share is not above 0 and at most 1.

    Example:
        >>> tenth, fifth = (set(RowShare(share).kept(0, 1000)) for share in (0.1, 0.2))
        >>> len(tenth), len(fifth), tenth < fifth
        (94, 183, True)
    """

    def __init__(self, share: float) -> None:
        if not 0 < share <= 1:
            raise ConfigError(f"train_share must be above 0 and at most 1; got {share}. Leave it out for all rows.")
        self.share = share

    def kept(self, first_row: int, rows: int) -> np.ndarray:
        """The places of the kept rows among ``rows`` rows from number ``first_row`` on, counted from the first."""
        if self.share == 1:
            return np.arange(rows)
        return np.flatnonzero(row_draws(_SEED, first_row, rows) < self.share)

    def counts(self, rows: int, chunk_rows: int) -> np.ndarray:
        """How many rows are kept of each chunk of ``chunk_rows`` neighbours of a split of ``rows``."""
        sizes = np.diff([*range(0, rows, chunk_rows), rows])
        if self.share == 1:
            return sizes
        return np.array([len(self.kept(at * chunk_rows, int(size))) for at, size in enumerate(sizes)], dtype=np.int64)
