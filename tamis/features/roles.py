"""The columns that are not features: labels, weights, groups and times."""

import numpy as np
import polars as pl

from tamis.errors import DataError
from tamis.features.columns import read_texts, take_column
from tamis.features.field import Field
from tamis.features.hashing import fnv1a_64

_SECONDS_PER_DAY = 86_400
_UNITS_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


def read_label(frame: pl.DataFrame, field: Field) -> np.ndarray:
    """The label of each row: by ``at_least``, by ``positive``, else a column that holds 0 and 1 only.

    Shape:
        - output: ``(rows,)`` float32, 0 or 1

    Raises:
        DataError: a label is missing, is not a number under ``at_least``, or is neither 0 nor 1.
    """
    column = take_column(frame, field)
    if _count_missing(column):
        raise DataError(
            f"label {field.name!r} must be known in every row; column {column.name!r} is missing in "
            f"{_count_missing(column)} of {len(column)} rows. Drop these rows."
        )
    if field.positive is not None:
        return (read_texts(column, field) == field.positive).to_numpy().astype(np.float32)
    numbers = column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False) if _is_text(column) else column
    if not numbers.dtype.is_numeric() and numbers.dtype != pl.Boolean:
        raise DataError(f"label {field.name!r} must be 0 or 1; column {column.name!r} is {column.dtype}. {_WAYS_OUT}")
    numbers = numbers.cast(pl.Float64)
    if field.at_least is not None:
        if numbers.null_count():
            first = column.filter(numbers.is_null())[0]
            raise DataError(
                f"label {field.name!r} with at_least needs numbers; column {column.name!r} holds {first!r}. "
                f"Clean the column, or use `positive`."
            )
        return (numbers >= field.at_least).to_numpy().astype(np.float32)
    wrong = column.filter(~numbers.is_in([0.0, 1.0]).fill_null(False))
    if len(wrong):
        raise DataError(f"label {field.name!r} must be 0 or 1; column {column.name!r} holds {wrong[0]!r}. {_WAYS_OUT}")
    return numbers.to_numpy().astype(np.float32)


def read_weights(frame: pl.DataFrame, field: Field) -> np.ndarray:
    """The weight of each row.

    Shape:
        - output: ``(rows,)`` float32, finite, 0 or more

    Raises:
        DataError: a weight is missing, not a number, not finite, or negative.
    """
    column = take_column(frame, field)
    numbers = column.cast(pl.String).cast(pl.Float64, strict=False) if _is_text(column) else column
    if not numbers.dtype.is_numeric():
        raise DataError(f"weight {field.name!r} must be a number; column {column.name!r} is {column.dtype}.")
    is_fine = (numbers.cast(pl.Float64).is_finite() & (numbers >= 0)).fill_null(False)
    if not is_fine.all():
        first = column.filter(~is_fine)[0]
        raise DataError(
            f"weight {field.name!r} must be finite and not negative; column {column.name!r} holds {first!r}. "
            f"Correct these rows, or make the field 'ignored'."
        )
    return numbers.to_numpy().astype(np.float32)


def read_groups(frame: pl.DataFrame, field: Field) -> np.ndarray:
    """The group of each row: whole numbers as they are, everything else by the FNV-1a hash of its text.

    Shape:
        - output: ``(rows,)`` int64

    Raises:
        DataError: a group is missing.
    """
    column = take_column(frame, field)
    missing = _count_missing(column)
    if missing:
        raise DataError(
            f"group {field.name!r} must be known in every row; column {column.name!r} is missing in "
            f"{missing} of {len(column)} rows. Fill it, drop these rows, or make the field 'ignored'."
        )
    if column.dtype.is_float() and bool((column == column.floor()).all()):
        column = column.cast(pl.Int64)
    if column.dtype == pl.UInt64:
        return column.to_numpy().view(np.int64)
    if column.dtype.is_integer():
        return column.cast(pl.Int64).to_numpy()
    return fnv1a_64(read_texts(column, field)).view(np.int64)


def read_times(frame: pl.DataFrame, field: Field) -> np.ndarray:
    """The time of each row: dates in seconds since 1970 (UTC), numbers as they are; rounded down.

    Shape:
        - output: ``(rows,)`` int64

    Raises:
        DataError: a time is missing, or the column holds neither dates nor numbers.
    """
    column = take_column(frame, field)
    missing = _count_missing(column)
    if missing:
        raise DataError(
            f"time {field.name!r} must be known in every row; column {column.name!r} is missing in "
            f"{missing} of {len(column)} rows. Fill it, drop these rows, or make the field 'ignored'."
        )
    dtype = column.dtype
    if dtype == pl.Date:
        return column.to_physical().cast(pl.Int64).to_numpy() * _SECONDS_PER_DAY
    if isinstance(dtype, pl.Datetime):
        return column.to_physical().to_numpy() // _UNITS_PER_SECOND[dtype.time_unit]
    if dtype.is_integer():
        return column.cast(pl.Int64).to_numpy()
    if dtype.is_float() and bool(column.is_finite().all()):
        return np.floor(column.to_numpy()).astype(np.int64)
    shown = f"{dtype}, first value {column[0]!r}" if len(column) else str(dtype)
    raise DataError(
        f"time {field.name!r} must be a date or a finite number; column {column.name!r} is {shown}. "
        f"Parse it first, for example with polars' str.to_datetime."
    )


_WAYS_OUT = "Set `at_least` for a score or `positive` for a word that stands for 1."


def _is_text(column: pl.Series) -> bool:
    return column.dtype in (pl.String, pl.Categorical, pl.Enum)


def _count_missing(column: pl.Series) -> int:
    missing = column.null_count()
    return missing + int(column.is_nan().sum()) if column.dtype.is_float() else missing
