"""The schema: what every column means; inferred from a frame, edited as TOML, saved beside the encoders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl
import tomli_w

from tamis.config import read_config, read_toml, suggest, write_config
from tamis.errors import ConfigError
from tamis.features.atomic_file import write_atomically
from tamis.features.field import Field, Kind
from tamis.features.infer import infer_fields

__all__ = ["Field", "Kind", "Schema"]


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The fields of a log, in order.

    Raises:
        ConfigError: two fields have one name, two fields of a kind that may stand once, fields that share a
            table but not an encoder, a target that is no id field of the same table, a feature that reads the
            column of a label, or no feature at all.

    Example:
        >>> user, click = Field(name="user", kind=Kind.CATEGORICAL), Field(name="click", kind=Kind.LABEL)
        >>> schema = Schema(fields=(user, click))
        >>> schema.columns
        ('user', 'click')
        >>> schema.feature_columns
        ('user',)
    """

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        self._check_names()
        self._check_single_kinds()
        self._check_leaks()
        self._check_shared_tables()
        self._check_targets()

    @cached_property
    def features(self) -> tuple[Field, ...]:
        """The fields a model sees, in order."""
        return tuple(field for field in self.fields if field.is_feature)

    @cached_property
    def labels(self) -> tuple[Field, ...]:
        """The label fields; each is a task."""
        return tuple(field for field in self.fields if field.kind == Kind.LABEL)

    def only(self, features: Collection[str]) -> Schema:
        """The same schema with some of its features; a sequence whose target is left out counts all its values alike.

        Raises:
            ConfigError: it has no such feature.

        Example:
            >>> fields = [Field(name=name, kind=Kind.CATEGORICAL) for name in ("user", "item", "hour")]
            >>> Schema(fields=tuple(fields)).only({"item", "user"}).columns
            ('user', 'item')
        """
        known = [field.name for field in self.features]
        for name in features:
            if name not in known:
                raise ConfigError(f"the schema has no feature {name!r}. {suggest(name, known)}")
        kept = [field for field in self.fields if not field.is_feature or field.name in features]
        return Schema(
            fields=tuple(
                replace(field, target=None) if field.target is not None and field.target not in features else field
                for field in kept
            )
        )

    @property
    def group(self) -> Field | None:
        """The field whose raw values group the rows for GAUC."""
        return self._single(Kind.GROUP)

    @property
    def time(self) -> Field | None:
        """The field that says when a row happened."""
        return self._single(Kind.TIME)

    @property
    def scenario(self) -> Field | None:
        """The feature that names the scenario of a row."""
        return self._single(Kind.SCENARIO)

    @property
    def weight(self) -> Field | None:
        """The field that says how much a row counts."""
        return self._single(Kind.WEIGHT)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns to read for training, each once."""
        return tuple(dict.fromkeys(field.source for field in self.fields if field.kind != Kind.IGNORED))

    @cached_property
    def feature_columns(self) -> tuple[str, ...]:
        """The columns to read for scoring, each once."""
        return tuple(dict.fromkeys(field.source for field in self.features))

    @classmethod
    def infer(
        cls,
        frame: pl.DataFrame,
        *,
        label: str | Sequence[str],
        group: str | Literal[False] | None = None,
        time: str | None = None,
        scenario: str | None = None,
        weight: str | None = None,
        sequences: Sequence[str] = (),
        ignored: Sequence[str] = (),
        min_count: int = 1,
        at_least: float | None = None,
        positive: str | None = None,
    ) -> Schema:
        """Guess what each column means from its name, its type and the values of ``frame``.

        - text, booleans, and whole numbers that are named like an id (``item_id``, ``movieId``, ``zip_code``)
          or take few values (at most 50, each in 20 rows on average): categorical, with ``min_count``
        - other numbers: numeric
        - lists of texts or whole numbers: multi-valued, or a sequence when ``sequences`` names the column
        - lists of floats: a vector
        - dates, and whole numbers called ``timestamp``, ``time`` or ``ts``: the first is the time when
          ``time`` names none, the others are ignored
        - types that cannot be read (structs, bytes, ...): ignored, and visible as such in the schema

        ``group`` names the column of GAUC's groups; it also stays a feature, unless ``ignored`` names it.
        Where ``group`` is not given, a column called ``user``, ``user_id``, ``userid`` or ``uid`` is taken if
        it has no nulls; ``group=False`` asks for none. The group is a field of its own, called ``group``.
        ``at_least`` and ``positive`` hold for every label.

        Raises:
            ConfigError: a named column is not in the frame.

        Example:
            >>> frame = pl.DataFrame({"user_id": [7, 8], "price": [1.5, 2.0], "click": [0, 1]})
            >>> [(field.name, str(field.kind)) for field in Schema.infer(frame, label="click").fields]
            [('user_id', 'categorical'), ('price', 'numeric'), ('click', 'label'), ('group', 'group')]
        """
        return cls(
            fields=infer_fields(
                frame,
                labels=(label,) if isinstance(label, str) else tuple(label),
                group=group,
                time=time,
                scenario=scenario,
                weight=weight,
                sequences=tuple(sequences),
                ignored=tuple(ignored),
                min_count=min_count,
                at_least=at_least,
                positive=positive,
            )
        )

    @classmethod
    def load(cls, path: Path | str) -> Schema:
        """Read a schema from a TOML file of ``[[field]]`` tables; every key must be a setting of a field."""
        return cls.from_table(read_toml(path), where=str(path))

    def save(self, path: Path | str) -> None:
        """Write the schema as TOML, atomically."""
        write_atomically(Path(path), tomli_w.dumps(self.to_table()).encode())

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, where: str = "schema") -> Schema:
        """Build a schema from what ``to_table`` wrote; ``where`` begins every error message."""
        for key in table:
            if key != "field":
                raise ConfigError(f"{where}: a schema has no setting {key!r}. {suggest(key, ['field'])}")
        rows = table.get("field", [])
        if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
            raise ConfigError(f"{where}: must hold [[field]] tables; got {rows!r}.")
        return cls(fields=tuple(_read_field(row, i, where=where) for i, row in enumerate(rows)))

    def to_table(self) -> dict[str, Any]:
        """The schema as plain values for TOML or JSON; settings at their default are left out."""
        defaults = {field.name: field.default for field in fields(Field)}
        rows = []
        for field in self.fields:
            written = {key: value for key, value in write_config(field).items() if value != defaults[key]}
            rows.append({**written, "kind": str(field.kind)})
        return {"field": rows}

    def to_encoding_table(self) -> dict[str, Any]:
        """What of ``to_table`` decides how rows are encoded: all but what only models read.

        Example:
            >>> item = Field(name="item", kind=Kind.CATEGORICAL)
            >>> seen = Field(name="seen", kind=Kind.SEQUENCE, share="item", target="item")
            >>> Schema(fields=(item, seen)).to_encoding_table()["field"][1]
            {'name': 'seen', 'kind': 'sequence', 'share': 'item'}
        """
        return encoding_part(self.to_table())

    def _single(self, kind: Kind) -> Field | None:
        return next((field for field in self.fields if field.kind == kind), None)

    def _check_names(self) -> None:
        seen: set[str] = set()
        for field in self.fields:
            if field.name in seen:
                raise ConfigError(f"two fields are called {field.name!r}. Rename one and set its `column`.")
            seen.add(field.name)
        if not self.features:
            raise ConfigError("a schema needs at least one feature field. Add one, for example kind 'categorical'.")

    def _check_single_kinds(self) -> None:
        for kind in (Kind.GROUP, Kind.TIME, Kind.SCENARIO, Kind.WEIGHT):
            names = [field.name for field in self.fields if field.kind == kind]
            if len(names) > 1:
                raise ConfigError(f"a schema has at most one {kind} field; got {names}. Make the others 'ignored'.")

    def _check_leaks(self) -> None:
        labels = {field.source: field.name for field in self.labels}
        for field in self.features:
            if field.source in labels:
                raise ConfigError(
                    f"field {field.name!r} ({field.kind}) reads column {field.source!r}, which is also "
                    f"the label {labels[field.source]!r}: the model would see the answer. "
                    f"Make the field 'ignored'."
                )

    def _check_shared_tables(self) -> None:
        first_of: dict[str, Field] = {}
        for field in self.features:
            if field.table is None:
                continue
            first = first_of.setdefault(field.table, field)
            for setting in ("encoding", "buckets", "min_count"):
                ours, theirs = getattr(field, setting), getattr(first, setting)
                if ours != theirs:
                    raise ConfigError(
                        f"fields {first.name!r} and {field.name!r} share the table {field.table!r} and must "
                        f"agree in {setting.replace('encoding', 'encoder')}; got {theirs!r} and {ours!r}."
                    )

    def _check_targets(self) -> None:
        by_name = {field.name: field for field in self.features}
        for field in self.features:
            if field.target is None:
                continue
            target = by_name.get(field.target)
            if target is None:
                raise ConfigError(
                    f"field {field.name!r}: its target must be a feature of the schema; got {field.target!r}. "
                    f"{suggest(field.target, by_name)}"
                )
            if target.kind not in (Kind.CATEGORICAL, Kind.SCENARIO):
                raise ConfigError(
                    f"field {field.name!r}: its target must be a single id, of kind 'categorical' or 'scenario'; "
                    f"got {target.name!r} of kind {str(target.kind)!r}. Name another, or remove `target`."
                )
            if target.table != field.table:
                raise ConfigError(
                    f"field {field.name!r} and its target {target.name!r} must share a table; got {field.table!r} and "
                    f"{target.table!r}. Set share = {target.table!r} in {field.name!r}."
                )


def encoding_part(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table of a schema without what only models read, on which no encoded number depends."""
    return {**table, "field": [{key: row[key] for key in row if key != "target"} for row in table.get("field", ())]}


def _read_field(row: Mapping[str, Any], number: int, *, where: str) -> Field:
    place = f"{where} [[field]] {row['name']!r}" if "name" in row else f"{where} [[field]] number {number + 1}"
    kind = row.get("kind")
    if isinstance(kind, str):
        kinds = [known.value for known in Kind]
        if kind not in kinds:
            raise ConfigError(f"{place} kind: must be one of {kinds}; got {kind!r}. {suggest(kind, kinds)}")
        row = {**row, "kind": Kind(kind)}
    return read_config(Field, row, where=place)
