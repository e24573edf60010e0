"""The largest rows of a table, for a picture that would be too long with all of them."""

from collections.abc import Sequence
from statistics import fmean

Cells = Sequence[float | None]


def largest_rows(table: Sequence[Cells], *, most: int = 40) -> list[int]:
    """Places of the ``most`` rows with the largest means, in their own order; what is not defined (None) is left out.

    Example:
        >>> largest_rows([[0.1], [0.5], [0.1], [0.3]], most=2)
        [1, 3]
    """
    order = sorted(range(len(table)), key=lambda row: -_mean(table[row]))
    return sorted(order[:most])


def with_others(names: Sequence[str], table: Sequence[Cells], places: Sequence[int]) -> tuple[list[str], list[Cells]]:
    """The rows at ``places`` and their names; at the end one more, if there are others, that adds them up.

    Example:
        >>> with_others(["a", "b", "c", "d"], [[0.1], [0.5], [0.1], [0.3]], [1, 3])
        (['b', 'd', '2 others'], [[0.5], [0.3], [0.2]])
    """
    shown_names, shown = [names[place] for place in places], [table[place] for place in places]
    chosen = set(places)
    if rest := [row for place, row in enumerate(table) if place not in chosen]:
        shown_names.append(f"{len(rest)} others")
        shown.append([None if None in cells else sum(cells) for cells in zip(*rest, strict=True)])
    return shown_names, shown


def _mean(cells: Cells) -> float:
    return fmean(known) if (known := [cell for cell in cells if cell is not None]) else 0.0
