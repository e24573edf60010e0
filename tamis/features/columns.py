"""Take one field's values out of a frame, checked: as texts, numbers, lists or vectors."""

import numpy as np
import polars as pl

from tamis.config import suggest
from tamis.errors import DataError
from tamis.features.field import Field

_SHOWN_COLUMNS = 20
_WIDE = (pl.Int128, pl.UInt128) if hasattr(pl, "UInt128") else (pl.Int128,)
_WHOLE_LIMIT = 2.0**63


def take_column(frame: pl.DataFrame, field: Field) -> pl.Series:
    """The column that ``field`` reads.

    Raises:
        DataError: the frame has no such column.
    """
    if field.source in frame.columns:
        return frame.get_column(field.source)
    shown = ", ".join(frame.columns[:_SHOWN_COLUMNS])
    if len(frame.columns) > _SHOWN_COLUMNS:
        shown += f" and {len(frame.columns) - _SHOWN_COLUMNS} more"
    hint = suggest(field.source, frame.columns)
    near = f" {hint}" if hint.startswith("Did") else ""
    raise DataError(
        f"{_name(field)} reads a column that is missing: {field.source!r}. Columns there are: {shown}.{near} "
        f"Add the column, or set the field's `column`."
    )


def read_texts(column: pl.Series, field: Field) -> pl.Series:
    """The values as texts, null where missing; whole numbers have one text in every type: 12, 12.0 and "12".

    NaN is missing. Dates and numbers that are not whole take the text Polars gives them; as names of things
    they are better avoided.

    Raises:
        DataError: the column holds lists, structs or the like.
    """
    dtype = column.dtype
    if dtype == pl.String:
        return column
    if dtype.is_nested() or dtype in (pl.Object, pl.Binary):
        raise DataError(f"{_name(field)} needs one text or number in each row; got {dtype}. {_LIST_HINT}")
    if dtype.is_float():
        return _float_texts(column)
    return column.cast(pl.String)


def read_numbers(column: pl.Series, field: Field) -> np.ndarray:
    """The values as numbers, NaN where missing; text is read as a number where it is one.

    Shape:
        - output: ``(rows,)`` float64

    Raises:
        DataError: a text is not a number, a value is NaN or infinite and the field does not call that
            missing, or the column holds dates or lists.
    """
    numbers = _cast_to_floats(column, field)
    values = numbers.to_numpy(writable=True)  # NaN for null
    # NumPy, and methods of Series that do not start a query: each of those costs a single row 50 microseconds.
    is_finite = np.isfinite(values)
    if np.count_nonzero(is_finite) < len(values) - numbers.null_count():
        if field.not_finite == "error":
            first = numbers.filter(~numbers.is_finite())[0]
            raise DataError(
                f"{_name(field)} must hold finite numbers; column {column.name!r} holds {first}. "
                f"Clean the column, or set not_finite = 'missing'."
            )
        values[~is_finite] = np.nan
    return values


def is_whole(column: pl.Series) -> bool:
    """Whether a column holds whole numbers of at most 64 bits."""
    return column.dtype.is_integer() and column.dtype.is_numeric() and column.dtype not in _WIDE


def read_lists(column: pl.Series, field: Field, *, max_length: int | None) -> tuple[pl.Series, np.ndarray]:
    """The values of all lists one after the other, as texts, and where each list begins.

    A missing list is empty; nulls and, in text, empty pieces are no values. A list longer than ``max_length``
    is cut: a sequence keeps its last values, any other its first.

    Shape:
        - texts: ``(all values,)`` of String
        - offsets: ``(rows + 1,)`` int64

    Raises:
        DataError: the column holds neither lists nor text with a separator.
    """
    lists = pl.col("lists").list.drop_nulls()
    if field.separator is not None and column.dtype == pl.String:
        lists = lists.list.eval(pl.element().filter(pl.element() != ""))
    lists = lists.fill_null([])
    frame = as_lists(column, field).alias("lists").to_frame().select(lists, lengths=lists.list.len())
    lengths = frame["lengths"].to_numpy()
    if max_length is not None and lengths.max(initial=0) > max_length:
        cut = pl.col("lists").list.tail if field.kind == "sequence" else pl.col("lists").list.head
        frame, lengths = frame.select(cut(max_length)), np.minimum(lengths, max_length)
    offsets = np.zeros(len(column) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return read_texts(_flatten(frame["lists"].alias(column.name), lengths), field), offsets


def read_vectors(column: pl.Series, field: Field, *, width: int) -> np.ndarray:
    """The vectors of all rows; a missing vector is all zeros.

    Shape:
        - output: ``(rows, width)`` float32

    Raises:
        DataError: a vector has another width, or holds what is not a finite number.
    """
    lists = as_lists(column, field)
    present = lists.is_not_null().to_numpy() if lists.null_count() else np.ones(len(lists), dtype=bool)
    lists = lists.filter(pl.Series(present)) if lists.null_count() else lists
    lengths = lists.list.len().to_numpy()
    wrong = lengths[lengths != width]
    if len(wrong):
        raise DataError(
            f"{_name(field)} must hold {width} numbers in each row; column {column.name!r} holds a vector of "
            f"{wrong[0]}. Correct the rows, or set the field's `width`."
        )
    numbers = read_numbers(_flatten(lists, lengths).alias(column.name), field)
    result = np.zeros((len(column), width), dtype=np.float32)
    result[present] = np.nan_to_num(numbers, copy=False).reshape(-1, width)
    return result


def vector_width(column: pl.Series) -> int | None:
    """The width of the first vector of a column, None if it holds none."""
    if isinstance(column.dtype, pl.Array):
        return column.dtype.shape[0]
    lengths = column.list.len().drop_nulls()
    return int(lengths[0]) if len(lengths) else None


def as_lists(column: pl.Series, field: Field) -> pl.Series:
    """The column as lists; null where a row is missing.

    Raises:
        DataError: the column holds neither lists nor text with a separator.
    """
    dtype = column.dtype
    if isinstance(dtype, pl.Array):
        return column.arr.to_list()
    if isinstance(dtype, pl.List):
        return column
    if dtype == pl.Null:
        return column.cast(pl.List(pl.String))
    if field.separator is None:
        raise DataError(
            f"{_name(field)} needs a list in each row; column {column.name!r} is {dtype}. "
            f"Set the field's `separator` if its lists are written as text."
        )
    # text with a separator may hold single numbers only, which a CSV reader takes for numbers
    texts = read_texts(column, field)
    return texts.str.split(field.separator)


_LIST_HINT = "Lists need a field of kind 'multi_valued', 'sequence' or 'vector'."


def _name(field: Field) -> str:
    return f"{field.kind} field {field.name!r}"


def _float_texts(column: pl.Series) -> pl.Series:
    values = column.to_numpy()  # NaN for null
    is_whole = (values == np.floor(values)) & (np.abs(values) < _WHOLE_LIMIT)
    whole = pl.Series(column.name, np.where(is_whole, values, 0).astype(np.int64)).cast(pl.String)
    if is_whole.all():
        return whole
    others = column.cast(pl.String).set(pl.Series(np.isnan(values)), None)
    return whole.zip_with(pl.Series(is_whole), others)


def _cast_to_floats(column: pl.Series, field: Field) -> pl.Series:
    dtype = column.dtype
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.Float64)
    if dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise DataError(
            f"{_name(field)} needs numbers; column {column.name!r} is {dtype}. Change the field's kind, or the column."
        )
    texts = column.cast(pl.String).str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False)
    if numbers.null_count() > texts.null_count():
        failed = texts.filter(numbers.is_null() & texts.is_not_null())
        raise DataError(
            f"{_name(field)} needs numbers; column {column.name!r} holds the text {failed[0]!r}. "
            f"Make the field 'categorical', or leave the value empty where it is missing."
        )
    return numbers


def _flatten(lists: pl.Series, lengths: np.ndarray) -> pl.Series:
    """The values of all lists, none of which is null, one after the other."""
    if not len(lists):
        return pl.Series(lists.name, [], dtype=lists.dtype.inner)  # type: ignore[attr-defined]
    # explode gives a null for an empty list
    return (lists if lengths.all() else lists.filter(pl.Series(lengths > 0))).explode()
