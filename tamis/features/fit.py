"""One streaming pass over the training rows -> fitted encoders."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import polars as pl

from tamis.errors import DataError
from tamis.features.columns import as_lists, is_whole, read_lists, read_numbers, read_texts, take_column, vector_width
from tamis.features.counting import ValueCounter
from tamis.features.encoders import Encoders
from tamis.features.field import Field, Kind
from tamis.features.hash_table import HashTable
from tamis.features.log_buckets import LogBuckets, WholeCounter, log_bucket
from tamis.features.quantile_buckets import QuantileBuckets, QuantileSketch
from tamis.features.schema import Schema
from tamis.features.standardise import LARGEST_SQUARED, Moments, Standardise, signed_log
from tamis.features.state import FittedState, NumberTable, TextTable
from tamis.features.text_codes import CodeCounter, TextCodes
from tamis.features.threads import map_columns
from tamis.features.vocabulary import Vocabulary


def fit_encoders(schema: Schema, chunks: Iterable[pl.DataFrame], *, codes: TextCodes | None = None) -> Encoders:
    """Learn vocabularies, buckets, means and widths from ``chunks``, which must hold training rows only.

    One pass; memory grows with the distinct values, not with the rows. The result does not depend on how the
    rows are cut into chunks, nor on their order (but for the width of a vector, which the first row gives). With
    ``codes`` the chunks are what ``codes.encode`` made of them; the result is the same.

    Raises:
        DataError: there is no row, a column is missing or has the wrong type, or a value is not allowed.
    """
    collectors = _make_collectors(schema, codes)
    rows = 0
    for chunk in chunks:
        for field in schema.features:
            if codes is None or not codes.covers(field):
                take_column(chunk, field)
        rows += chunk.height
        map_columns(lambda collector, chunk=chunk: collector.add(chunk), collectors, rows=chunk.height)
    if not rows:
        raise DataError("the training split has no rows, so nothing can be fitted. Check the source and the split.")
    text_tables: dict[str, TextTable] = {}
    number_tables: dict[str, NumberTable] = {}
    scales: dict[str, Standardise] = {}
    lengths: dict[str, int] = {}
    widths: dict[str, int] = {}
    for collector in collectors:
        match collector:
            case _TextCollector():
                text_tables[collector.table] = collector.result()
                lengths.update(collector.lengths())
            case _LogBucketCollector() | _QuantileCollector():
                number_tables[collector.field.name] = collector.result()
            case _ScaleCollector():
                scales[collector.field.name] = collector.result()
            case _VectorCollector():
                widths[collector.field.name] = collector.result()
    return Encoders(
        FittedState(
            schema=schema,
            text_tables=text_tables,
            number_tables=number_tables,
            scales=scales,
            lengths=lengths,
            widths=widths,
        )
    )


class _Collector(Protocol):
    def add(self, chunk: pl.DataFrame) -> None: ...


class _TextCollector:
    """What the fields of one text table hold."""

    def __init__(self, table: str, codes: TextCodes | None) -> None:
        self.table = table
        self.fields: list[Field] = []
        self._counter = ValueCounter()
        self._codes, self._code_counter = codes, CodeCounter()
        self._longest: dict[str, int] = {}

    def add(self, chunk: pl.DataFrame) -> None:
        for field in self.fields:
            if self._codes is not None and self._codes.covers(field):
                self._code_counter.add(self._codes.take(chunk, field))
                continue
            column = take_column(chunk, field)
            if field.is_list:
                texts, offsets = read_lists(column, field, max_length=field.max_length)
                longest = int(np.diff(offsets).max(initial=1))
                self._longest[field.name] = max(longest, self._longest.get(field.name, 1))
            else:
                texts = read_texts(column, field)
            if field.encoding == "hash":
                self._counter.missing += texts.null_count()
            else:
                self._counter.add(texts)

    def result(self) -> TextTable:
        first = self.fields[0]
        if first.encoding == "hash":
            assert first.buckets is not None
            return HashTable(buckets=first.buckets, missing_count=self._counter.missing)
        if self._codes is not None:
            codes, texts = self._codes.content(self.table)
            self._counter.add_counts(texts, self._code_counter.of(codes))
            self._counter.missing += self._code_counter.missing
        return _make_vocabulary(self._counter, first.min_count)

    def lengths(self) -> dict[str, int]:
        lists = [field for field in self.fields if field.is_list]
        return {field.name: field.max_length or self._longest.get(field.name, 1) for field in lists}


class _LogBucketCollector:
    def __init__(self, field: Field) -> None:
        self.field = field
        self._counter, self._whole = ValueCounter(), WholeCounter()

    def add(self, chunk: pl.DataFrame) -> None:
        column = take_column(chunk, self.field)
        if is_whole(column):
            self._counter.missing += column.null_count()
            self._whole.add(column.drop_nulls().to_numpy())
            return
        numbers, missing = _known_numbers(chunk, self.field)
        self._counter.missing += missing
        self._counter.add_numbers(pl.Series(log_bucket(numbers)))

    def result(self) -> LogBuckets:
        buckets, counts = self._whole.counts()
        self._counter.add_counts(pl.Series(buckets).cast(pl.String), counts)
        return LogBuckets(vocabulary=_make_vocabulary(self._counter, self.field.min_count))


class _QuantileCollector:
    def __init__(self, field: Field) -> None:
        self.field = field
        self._sketch = QuantileSketch()
        self._missing = 0

    def add(self, chunk: pl.DataFrame) -> None:
        numbers, missing = _known_numbers(chunk, self.field)
        self._missing += missing
        self._sketch.add(numbers)

    def result(self) -> QuantileBuckets:
        assert self.field.buckets is not None
        return QuantileBuckets(edges=self._sketch.edges(self.field.buckets), missing_count=self._missing)


class _ScaleCollector:
    def __init__(self, field: Field) -> None:
        self.field = field
        self._is_logarithmic = field.encoding == "log_standardise"
        self._moments = Moments()
        self._missing = 0

    def add(self, chunk: pl.DataFrame) -> None:
        numbers, missing = _known_numbers(chunk, self.field)
        self._missing += missing
        values = signed_log(numbers) if self._is_logarithmic else numbers
        if np.abs(values).max(initial=0.0) > LARGEST_SQUARED:
            raise DataError(
                f"numeric field {self.field.name!r} with encoder 'standardise' takes numbers up to "
                f"{LARGEST_SQUARED}; got {numbers[np.abs(numbers).argmax()]}. Use 'log_standardise'."
            )
        self._moments.add(values)

    def result(self) -> Standardise:
        mean, std = self._moments.mean_and_std()
        return Standardise(is_logarithmic=self._is_logarithmic, mean=mean, std=std, has_missing=self._missing > 0)


class _VectorCollector:
    def __init__(self, field: Field) -> None:
        self.field = field
        self._width = field.width

    def add(self, chunk: pl.DataFrame) -> None:
        if self._width is None:
            self._width = vector_width(as_lists(take_column(chunk, self.field), self.field))

    def result(self) -> int:
        if not self._width:
            raise DataError(
                f"vector field {self.field.name!r} holds no number in any training row. Set its `width`, "
                f"or make it 'ignored'."
            )
        return self._width


def _make_collectors(schema: Schema, codes: TextCodes | None) -> list[_Collector]:
    collectors: list[_Collector] = []
    text_collectors: dict[str, _TextCollector] = {}
    for field in schema.features:
        match field.encoding:
            case "vocabulary" | "hash":
                assert field.table is not None
                if field.table not in text_collectors:
                    text_collectors[field.table] = _TextCollector(field.table, codes)
                    collectors.append(text_collectors[field.table])
                text_collectors[field.table].fields.append(field)
            case "log_bucket":
                collectors.append(_LogBucketCollector(field))
            case "quantile_bucket":
                collectors.append(_QuantileCollector(field))
            case "log_standardise" | "standardise":
                collectors.append(_ScaleCollector(field))
            case _:
                assert field.kind == Kind.VECTOR
                collectors.append(_VectorCollector(field))
    return collectors


def _known_numbers(chunk: pl.DataFrame, field: Field) -> tuple[np.ndarray, int]:
    numbers = read_numbers(take_column(chunk, field), field)
    is_missing = np.isnan(numbers)
    return numbers[~is_missing], int(np.count_nonzero(is_missing))


def _make_vocabulary(counter: ValueCounter, min_count: int) -> Vocabulary:
    counts = counter.counts(min_count=min_count)
    missing_count = counter.missing if counter.missing >= min_count else 0
    return Vocabulary(keys=counts["key"], counts=counts["count"].to_numpy(), missing_count=missing_count)
