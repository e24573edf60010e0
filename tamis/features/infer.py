"""Guess what each column of a frame means; the rules are written in ``Schema.infer``."""

import re
from typing import Literal

import polars as pl

from tamis.config import suggest
from tamis.errors import ConfigError
from tamis.features.field import Field, Kind

_ID_NAME = re.compile(
    r"(^|_)(id|uid|iid|code|zip|zipcode|sku|asin|isbn|user|item)$"
    r"|(user|item|ad|movie|product|video|category|cate|shop|brand|campaign|site|app|device)id$",
    re.IGNORECASE,
)
_CAMEL_ID_NAME = re.compile(r"[a-z](Id|ID)$")
_TIME_NAME = re.compile(r"^(timestamp|time|ts)$", re.IGNORECASE)
_USER_NAME = re.compile(r"^(user|user_?id|uid)$", re.IGNORECASE)
_COUNTED_KINDS = (Kind.CATEGORICAL, Kind.MULTI_VALUED, Kind.SEQUENCE, Kind.SCENARIO)
_FEW_VALUES, _ROWS_PER_VALUE = 50, 20


def infer_fields(
    frame: pl.DataFrame,
    *,
    labels: tuple[str, ...],
    group: str | Literal[False] | None,
    time: str | None,
    scenario: str | None,
    weight: str | None,
    sequences: tuple[str, ...],
    ignored: tuple[str, ...],
    min_count: int,
    at_least: float | None,
    positive: str | None,
) -> tuple[Field, ...]:
    """The fields of ``frame`` in the order of its columns, then the group; see ``Schema.infer``."""
    given = {
        "label": labels,
        "group": (group,),
        "time": (time,),
        "scenario": (scenario,),
        "weight": (weight,),
    }
    for role, names in {**given, "sequences": sequences, "ignored": ignored}.items():
        for name in names:
            if name and name not in frame.columns:
                hint = suggest(name, frame.columns)
                raise ConfigError(f"{role}={name!r}: the frame has no such column. {hint}")
    kinds = {scenario: Kind.SCENARIO, weight: Kind.WEIGHT, time: Kind.TIME}
    result: list[Field] = []
    for name in frame.columns:
        if name in labels:
            result.append(Field(name=name, kind=Kind.LABEL, at_least=at_least, positive=positive))
            continue
        kind = Kind.IGNORED if name in ignored else kinds.get(name)
        if kind is None:
            kind = _infer_kind(frame[name], name in sequences)
            if kind == Kind.TIME and (time or any(field.kind == Kind.TIME for field in result)):
                kind = Kind.IGNORED
        width = _vector_width(frame[name]) if kind == Kind.VECTOR else None
        field_min_count = min_count if kind in _COUNTED_KINDS else 1
        result.append(Field(name=name, kind=kind, width=width, min_count=field_min_count))
    grouped = _find_user(frame, (*labels, *ignored)) if group is None else group
    if grouped:
        result.append(Field(name=_free_name(grouped, result), kind=Kind.GROUP, column=grouped))
    return tuple(result)


def _find_user(frame: pl.DataFrame, excluded: tuple[str, ...]) -> str | None:
    """The column that names the user, if it does so in every row: a group may not be missing."""
    for name in frame.columns:
        if _USER_NAME.match(name) and name not in excluded and not frame[name].null_count():
            return name
    return None


def _free_name(grouped: str, fields: list[Field]) -> str:
    taken = {field.name for field in fields}
    candidates = ("group", f"{grouped}_group", *(f"group_{number}" for number in range(len(taken) + 1)))
    return next(name for name in candidates if name not in taken)


def _infer_kind(column: pl.Series, is_sequence: bool) -> Kind:
    dtype = column.dtype
    if isinstance(dtype, pl.List | pl.Array):
        if dtype.inner.is_float():  # type: ignore[union-attr]
            return Kind.VECTOR
        return Kind.SEQUENCE if is_sequence else Kind.MULTI_VALUED
    if is_sequence:
        return Kind.SEQUENCE
    if dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum):
        return Kind.CATEGORICAL
    if dtype in (pl.Date, pl.Datetime):
        return Kind.TIME
    if not dtype.is_numeric():
        return Kind.IGNORED
    if dtype.is_integer() and _TIME_NAME.match(column.name):
        return Kind.TIME
    return Kind.CATEGORICAL if _is_id(column) else Kind.NUMERIC


def _is_id(column: pl.Series) -> bool:
    """Whether numbers are names: whole, and called like an id or few."""
    is_named = bool(_ID_NAME.search(column.name) or _CAMEL_ID_NAME.search(column.name))
    if column.dtype.is_integer():
        distinct = column.n_unique()
        return is_named or (distinct <= _FEW_VALUES and distinct * _ROWS_PER_VALUE <= len(column))
    # pandas turns whole ids with a missing value into floats; prices and counts stay numeric
    known = column.drop_nulls().drop_nans()
    return is_named and bool((known == known.floor()).all())


def _vector_width(column: pl.Series) -> int:
    lengths = (column.arr.to_list() if isinstance(column.dtype, pl.Array) else column).list.len().drop_nulls()
    widths = lengths.unique().sort().to_list()
    if len(widths) != 1 or widths[0] == 0:
        raise ConfigError(
            f"column {column.name!r} holds lists of floats of lengths {widths[:5]}; a vector must have the "
            f"same width in every row. Name the column in `ignored`, or cut the lists to one width."
        )
    return int(widths[0])
