"""Fitted encoders: raw columns in, ids and numbers out; the same function for training and for scoring."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from tamis.errors import ConfigError
from tamis.features.columns import is_whole, read_lists, read_numbers, read_texts, read_vectors, take_column
from tamis.features.encoded_chunk import EncodedChunk, ListColumn
from tamis.features.field import Field, Kind
from tamis.features.layout import UNKNOWN, DenseField, IdField, Layout, ListField
from tamis.features.log_buckets import LogBuckets
from tamis.features.roles import read_groups, read_label, read_times, read_weights
from tamis.features.schema import Schema
from tamis.features.state import FittedState
from tamis.features.storage import load_state, save_state
from tamis.features.text_codes import CodedTables
from tamis.features.threads import map_columns

_Encoded = np.ndarray | ListColumn
_NONE = np.zeros(0, dtype=bool)


class Encoders:
    """The fitted encoders of a schema, made by ``fit_encoders`` or ``Encoders.load``.

    Example:
        >>> from tamis.features import Field, Kind, fit_encoders
        >>> schema = Schema(fields=(Field(name="city", kind=Kind.CATEGORICAL),))
        >>> encoders = fit_encoders(schema, [pl.DataFrame({"city": ["Rome", "Oslo", "Rome"]})])
        >>> chunk = encoders.encode(pl.DataFrame({"city": ["Oslo", "Bonn"]}), labels=False)
        >>> chunk.ids["city"].tolist(), chunk.unseen
        ([3, 1], {'city': 1})
    """

    def __init__(self, state: FittedState) -> None:
        self.state = state
        self.layout = _make_layout(state)

    @property
    def schema(self) -> Schema:
        """The schema these encoders were fitted for."""
        return self.state.schema

    def under(self, schema: Schema) -> "Encoders":
        """The same encoders for a schema that differs from theirs in nothing that encoding depends on.

        Raises:
            ConfigError: it does differ.
        """
        if schema.to_encoding_table() != self.schema.to_encoding_table():
            raise ConfigError("encoders were fitted for another schema than the one given. Fit them anew.")
        return self if schema == self.schema else Encoders(replace(self.state, schema=schema))

    def only(self, features: Collection[str]) -> "Encoders":
        """The same encoders for some of the features; rows to encode need no column of the others.

        Raises:
            ConfigError: there is no such feature.
        """
        return Encoders(self.state.only(self.schema.only(features)))

    def fingerprint(self) -> str:
        """The sha256 of all that encoding depends on; it changes when anything does."""
        return self.state.fingerprint

    def value_names(self, table: str) -> list[str]:
        """What each id of a table of texts stands for, in the order of ids.

        Example:
            >>> from tamis.features import Field, Kind, fit_encoders
            >>> schema = Schema(fields=(Field(name="city", kind=Kind.CATEGORICAL),))
            >>> fit_encoders(schema, [pl.DataFrame({"city": ["Rome", None]})]).value_names("city")
            ['(padding)', '(unknown)', 'Rome', '(missing)']
        """
        return self.state.text_tables[table].names()

    def encode(
        self,
        frame: pl.DataFrame,
        *,
        labels: bool = True,
        only: Collection[str] | None = None,
        coded: CodedTables | None = None,
    ) -> EncodedChunk:
        """Encode the rows of ``frame``.

        With ``labels=False`` only the features are read: no labels, weights, groups and times; with ``only``, the
        features of these names alone. Values that training did not teach get id 1 and are counted in
        ``EncodedChunk.unseen``; so are missing values where training had none. With ``coded`` the frame is what
        ``TextCodes.encode`` made of it.

        Raises:
            DataError: a column is missing, has the wrong type, or holds a value that its field refuses.
        """
        schema = self.schema
        features = tuple(field for field in schema.features if only is None or field.name in only)
        for field in (*features, *(schema.fields if labels else ())):
            if field.kind != Kind.IGNORED and (coded is None or not coded.covers(field)):
                take_column(frame, field)
        encoded = map_columns(
            lambda field: self._encode_field(frame, field, coded),
            features,
            rows=frame.height,
        )
        ids: dict[str, np.ndarray] = {}
        lists: dict[str, ListColumn] = {}
        dense: dict[str, np.ndarray] = {}
        unseen: dict[str, int] = {}
        unseen_in_rows: dict[str, np.ndarray] = {}
        for field, (result, in_rows) in zip(features, encoded, strict=True):
            if isinstance(result, ListColumn):
                lists[field.name] = result
            elif field.table is None:
                dense[field.name] = result
            else:
                ids[field.name] = result
            if field.kind != Kind.VECTOR:
                unseen[field.name] = int(in_rows.sum())
                if unseen[field.name]:
                    unseen_in_rows[field.name] = in_rows
        group, time, weight = (schema.group, schema.time, schema.weight) if labels else (None, None, None)
        return EncodedChunk(
            rows=frame.height,
            ids=ids,
            lists=lists,
            dense=dense,
            labels={field.name: read_label(frame, field) for field in schema.labels} if labels else {},
            weights=read_weights(frame, weight) if weight else None,
            groups=read_groups(frame, group) if group else None,
            times=read_times(frame, time) if time else None,
            unseen=unseen,
            unseen_in_rows=unseen_in_rows,
        )

    def save(self, folder: Path | str) -> None:
        """Write the encoders into ``folder`` as JSON and Arrow; a reader never finds half of them."""
        save_state(self.state, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> "Encoders":
        """Read what ``save`` wrote.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        return cls(load_state(Path(folder)))

    def _encode_field(
        self, frame: pl.DataFrame, field: Field, coded: CodedTables | None
    ) -> tuple[_Encoded, np.ndarray]:
        """The encoded column, and how many values of each row training did not teach."""
        state = self.state
        if coded is not None and coded.covers(field):
            ids = coded.ids(frame, field)
            return ids, ids == UNKNOWN
        column = take_column(frame, field)
        if field.kind == Kind.VECTOR:
            return read_vectors(column, field, width=state.widths[field.name]), _NONE
        if field.name in state.scales:
            scale, numbers = state.scales[field.name], read_numbers(column, field)
            return scale.encode(numbers), _NONE if scale.has_missing else np.isnan(numbers)
        assert field.table is not None  # every feature without a scale or a width has one
        if field.is_list:
            texts, offsets = read_lists(column, field, max_length=state.lengths[field.name])
            values = state.text_tables[field.table].encode(texts)
            until = np.concatenate([[0], np.cumsum(values == UNKNOWN)])
            return ListColumn(values=values, offsets=offsets), np.diff(until[offsets])
        number_table = state.number_tables.get(field.table)
        if isinstance(number_table, LogBuckets) and is_whole(column):
            ids = number_table.encode_whole(column)
        elif number_table is not None:
            ids = number_table.encode(read_numbers(column, field))
        else:
            ids = state.text_tables[field.table].encode(read_texts(column, field))
        return ids, ids == UNKNOWN


def _make_layout(state: FittedState) -> Layout:
    schema = state.schema
    tables, ids, lists, dense = {}, [], [], []
    for field in schema.features:
        if field.kind == Kind.VECTOR:
            dense.append(DenseField(name=field.name, width=state.widths[field.name]))
        elif field.table is None:
            dense.append(DenseField(name=field.name, width=state.scales[field.name].width))
        else:
            table = state.text_tables.get(field.table) or state.number_tables[field.table]
            tables[field.table] = table.size
            if field.is_list:
                lists.append(
                    ListField(
                        name=field.name,
                        table=field.table,
                        max_length=state.lengths[field.name],
                        ordered=field.kind == Kind.SEQUENCE,
                        target=field.target,
                    )
                )
            else:
                ids.append(IdField(name=field.name, table=field.table))
    return Layout(
        tables=tables,
        ids=tuple(ids),
        lists=tuple(lists),
        dense=tuple(dense),
        tasks=tuple(field.name for field in schema.labels),
        scenario=schema.scenario.name if schema.scenario else None,
    )
