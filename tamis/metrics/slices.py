"""Metrics by slice: does the model serve the newcomers as well as the regulars?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tamis.errors import DataError
from tamis.metrics.exact_sum import FRACTION_BITS, sum_units_by_run, to_units
from tamis.metrics.gauc import auc_by_group
from tamis.metrics.log_loss import row_losses
from tamis.metrics.ordering import run_starts
from tamis.metrics.scored_rows import check_rows


def metrics_by_slice(
    name: str,
    probabilities: np.typing.ArrayLike,
    labels: np.typing.ArrayLike,
    slice_ids: np.typing.ArrayLike,
    values: Sequence[str],
) -> list[dict[str, Any]]:
    """Cut rows into the slices called ``name`` and measure each; all slices in one pass.

    ``slice_ids[row]`` is a place in ``values``, the names of the slices. Slices come in that order; empty
    ones are left out. AUC is None in a slice of one class.

    Shape:
        - probabilities, labels, slice_ids: ``(rows,)``

    Raises:
        DataError: a slice id is no place in ``values``, or the rows break a rule of ``check_rows``.

    Example:
        >>> metrics_by_slice("age", [0.1, 0.9, 0.5], [0, 1, 1], [1, 1, 0], ["young", "old"])[1]["auc"]
        1.0
    """
    rows = check_rows(probabilities, labels, slice_ids)
    codes = rows.groups
    assert codes is not None
    outside = (codes < 0) | (codes >= len(values))
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            f"slice {name!r}: an id must be from 0 to {len(values) - 1}, the places of its names; "
            f"row {row} holds {codes[row]}."
        )
    scores = auc_by_group(rows, codes)
    by_slice = np.argsort(codes, kind="stable")
    units = to_units(row_losses(rows)[by_slice])
    losses = sum_units_by_run(units, run_starts(codes[by_slice]))
    columns = (
        scores.codes.tolist(),
        scores.rows.tolist(),
        scores.positives.tolist(),
        scores.auc.tolist(),
        losses,
    )
    return [
        {
            "slice": name,
            "value": values[code],
            "rows": count,
            "positives": positives,
            "auc": auc if 0 < positives < count else None,
            "log_loss": loss / (count << FRACTION_BITS),
        }
        for code, count, positives, auc, loss in zip(*columns, strict=True)
    ]
