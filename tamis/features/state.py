"""What fitting found: everything that encoding needs beside the schema, as one value with a fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from tamis.features.hash_table import HashTable
from tamis.features.hashing import utf8_buffers
from tamis.features.log_buckets import LogBuckets
from tamis.features.quantile_buckets import QuantileBuckets
from tamis.features.schema import Schema
from tamis.features.standardise import Standardise
from tamis.features.vocabulary import Vocabulary

TextTable = Vocabulary | HashTable
NumberTable = LogBuckets | QuantileBuckets


@dataclass(frozen=True, kw_only=True)
class FittedState:
    """The fitted tables by table name, and scales, list lengths and vector widths by field name."""

    schema: Schema
    text_tables: Mapping[str, TextTable]
    number_tables: Mapping[str, NumberTable]
    scales: Mapping[str, Standardise]
    lengths: Mapping[str, int]
    widths: Mapping[str, int]

    def only(self, schema: Schema) -> "FittedState":
        """The same state for a schema with some of the features: what was fitted for the others alone is gone."""
        names = {field.name for field in schema.features}
        tables = {field.table for field in schema.features}
        return FittedState(
            schema=schema,
            text_tables={name: table for name, table in self.text_tables.items() if name in tables},
            number_tables={name: table for name, table in self.number_tables.items() if name in tables},
            scales={name: scale for name, scale in self.scales.items() if name in names},
            lengths={name: length for name, length in self.lengths.items() if name in names},
            widths={name: width for name, width in self.widths.items() if name in names},
        )

    @cached_property
    def vocabularies(self) -> dict[str, Vocabulary]:
        """The tables that remember values, by table name: they are what is too large for JSON."""
        own = {name: table for name, table in self.text_tables.items() if isinstance(table, Vocabulary)}
        buckets = {
            name: table.vocabulary for name, table in self.number_tables.items() if isinstance(table, LogBuckets)
        }
        return {**own, **buckets}

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that encoding depends on, in hexadecimal digits.

        No file format or library version enters it, nor what of the schema only models read.
        """
        content = {**self.to_json(), "schema": self.schema.to_encoding_table()}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
        for name, vocabulary in sorted(self.vocabularies.items()):
            digest.update(name.encode())
            for array in (*utf8_buffers(vocabulary.keys), vocabulary.counts):
                digest.update(array.tobytes())
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Everything but the values of the vocabularies, as plain values."""
        return {
            "schema": self.schema.to_table(),
            "tables": {
                **{name: _text_table_to_json(table) for name, table in self.text_tables.items()},
                **{name: _number_table_to_json(table) for name, table in self.number_tables.items()},
            },
            "scales": {name: asdict(scale) for name, scale in self.scales.items()},
            "lengths": dict(self.lengths),
            "widths": dict(self.widths),
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any], vocabularies: Mapping[str, Vocabulary]) -> "FittedState":
        """The inverse of ``to_json``; ``vocabularies`` by table name."""
        text_tables: dict[str, TextTable] = {}
        number_tables: dict[str, NumberTable] = {}
        for name, entry in table["tables"].items():
            match entry["encoder"]:
                case "vocabulary":
                    text_tables[name] = vocabularies[name]
                case "hash":
                    text_tables[name] = HashTable(buckets=entry["buckets"], missing_count=entry["missing_count"])
                case "log_bucket":
                    number_tables[name] = LogBuckets(vocabulary=vocabularies[name])
                case "quantile_bucket":
                    edges, missing_count = tuple(entry["edges"]), entry["missing_count"]
                    number_tables[name] = QuantileBuckets(edges=edges, missing_count=missing_count)
        return cls(
            schema=Schema.from_table(table["schema"], where="encoders.json"),
            text_tables=text_tables,
            number_tables=number_tables,
            scales={name: Standardise(**entry) for name, entry in table["scales"].items()},
            lengths=dict(table["lengths"]),
            widths=dict(table["widths"]),
        )


def _text_table_to_json(table: TextTable) -> dict[str, Any]:
    if isinstance(table, HashTable):
        return {"encoder": "hash", "buckets": table.buckets, "missing_count": table.missing_count}
    return {"encoder": "vocabulary", "values": len(table.keys), "missing_count": table.missing_count}


def _number_table_to_json(table: NumberTable) -> dict[str, Any]:
    if isinstance(table, QuantileBuckets):
        return {
            "encoder": "quantile_bucket",
            "edges": list(table.edges),
            "missing_count": table.missing_count,
        }
    vocabulary = table.vocabulary
    return {
        "encoder": "log_bucket",
        "values": len(vocabulary.keys),
        "missing_count": vocabulary.missing_count,
    }
