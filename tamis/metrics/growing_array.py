"""An array that grows at its end: rows appended batch by batch, kept in few large blocks."""

from typing import Any

import numpy as np

_BLOCK_ROWS = 1 << 18


class GrowingArray:
    """Rows that come in small arrays and are read back in one piece; other types of number meet as numpy joins them.

    They are copied into blocks that double up to 262,144 rows. To keep the small arrays would be simpler; but they
    would lie among the large ones that come and go with each batch, and cut the memory those leave into pieces that
    the next do not fit into: keeping the scores of a million rows, 13 MB, let a heap grow by 130 to 200 MB.

    Example:
        >>> rows = GrowingArray()
        >>> rows.extend(np.array([1, 2]))
        >>> rows.extend(np.array([3]))
        >>> len(rows), rows.join()
        (3, array([1, 2, 3]))
    """

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._room = 0  # rows of the last block that are still free

    def __len__(self) -> int:
        return sum(map(len, self._blocks)) - self._room

    def extend(self, values: np.ndarray) -> None:
        """Append rows; all must have the same shape but for their number."""
        while len(values):
            if not self._room or self._blocks[-1].dtype != values.dtype:
                self._close()
                self._room = max(len(values), min(_BLOCK_ROWS, len(self)))
                self._blocks.append(np.empty((self._room, *values.shape[1:]), dtype=values.dtype))
            block = self._blocks[-1]
            start, count = len(block) - self._room, min(self._room, len(values))
            block[start : start + count] = values[:count]
            self._room -= count
            values = values[count:]

    def join(self) -> np.ndarray:
        """All rows so far, in one array that must not be changed."""
        self._close()
        if len(self._blocks) != 1:
            self._blocks = [np.concatenate(self._blocks)] if self._blocks else [np.empty(0)]
        return self._blocks[0]

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: the rows, and not the room for more."""
        return {"_blocks": [self.join()], "_room": 0}

    def _close(self) -> None:
        """Take the free rows off the last block."""
        if self._room:
            self._blocks[-1] = self._blocks[-1][: -self._room]
            self._room = 0
