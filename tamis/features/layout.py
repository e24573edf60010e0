"""What a model must know of an encoded row: names, table sizes and widths; no values, no torch."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

PADDING, UNKNOWN, FIRST_KNOWN = 0, 1, 2
"""The ids every table begins with: 0 fills up lists, 1 stands for what training never saw."""


@dataclass(frozen=True, kw_only=True)
class IdField:
    """One column of ``Batch.ids``: a single id into ``table``."""

    name: str
    table: str


@dataclass(frozen=True, kw_only=True)
class ListField:
    """One tensor of ``Batch.lists``: up to ``max_length`` ids into ``table``; ``ordered`` for a sequence.

    ``target`` names the id field of the same table that the list is attended from, None for the plain mean.
    """

    name: str
    table: str
    max_length: int
    ordered: bool
    target: str | None = None


@dataclass(frozen=True, kw_only=True)
class DenseField:
    """``width`` neighbouring columns of ``Batch.dense``."""

    name: str
    width: int


@dataclass(frozen=True, kw_only=True)
class Context:
    """An id field that decides which other fields count in a row; where one does not, its vector is zero.

    ``left_out`` gives for fields the ids of the context in which they do not count; a field that it does not name
    counts everywhere.
    """

    field: str
    left_out: dict[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The shape of an encoded row.

    ``tables`` gives the number of ids of each table, padding and unknown included; fields that share a
    vocabulary name the same table. ``tasks`` names the columns of ``Batch.labels``; ``scenario`` is the id
    field whose ids also stand in ``Batch.scenarios``; ``context`` says which fields count in which rows, None that all
    do in all.
    """

    tables: dict[str, int]
    ids: tuple[IdField, ...] = ()
    lists: tuple[ListField, ...] = ()
    dense: tuple[DenseField, ...] = ()
    tasks: tuple[str, ...] = ("label",)
    scenario: str | None = None
    context: Context | None = None

    @property
    def num_fields(self) -> int:
        """The number of feature fields, each of which becomes one vector."""
        return len(self.ids) + len(self.lists) + len(self.dense)

    @property
    def attended(self) -> tuple[ListField, ...]:
        """The lists with a target, in order."""
        return tuple(field for field in self.lists if field.target is not None)

    @property
    def unattended(self) -> "Layout":
        """The same rows with every list as its plain mean: for weights of ids, which are no vectors to compare.

        Example:
            >>> seen = ListField(name="seen", table="item", max_length=9, ordered=True, target="item")
            >>> Layout(tables={"item": 9}, ids=(IdField(name="item", table="item"),), lists=(seen,)).unattended.attended
            ()
        """
        return replace(self, lists=tuple(replace(field, target=None) for field in self.lists))

    @property
    def dense_width(self) -> int:
        """The number of columns of ``Batch.dense``."""
        return sum(field.width for field in self.dense)

    @property
    def field_names(self) -> tuple[str, ...]:
        """All feature fields in the order in which they are embedded: ids, lists, dense."""
        return tuple(field.name for field in (*self.ids, *self.lists, *self.dense))

    @cached_property
    def id_limits(self) -> tuple[int, ...]:
        """For each column of ``Batch.ids``, the size of its table."""
        return tuple(self.tables[field.table] for field in self.ids)

    def to_json(self) -> dict[str, Any]:
        """A table of plain values, the inverse of ``from_json``."""
        return {
            "tables": dict(self.tables),
            "ids": [{"name": f.name, "table": f.table} for f in self.ids],
            "lists": [{name: value for name, value in asdict(f).items() if value is not None} for f in self.lists],
            "dense": [{"name": f.name, "width": f.width} for f in self.dense],
            "tasks": list(self.tasks),
            "scenario": self.scenario,
            **({} if self.context is None else {"context": asdict(self.context)}),
        }

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Layout":
        """Build a layout from what ``to_json`` wrote.

        Example:
            >>> layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
            >>> Layout.from_json(layout.to_json()) == layout
            True
        """
        return cls(
            tables=dict(table["tables"]),
            ids=tuple(IdField(**f) for f in table["ids"]),
            lists=tuple(ListField(**f) for f in table["lists"]),
            dense=tuple(DenseField(**f) for f in table["dense"]),
            tasks=tuple(table["tasks"]),
            scenario=table["scenario"],
            context=_read_context(table.get("context")),
        )


def _read_context(table: dict[str, Any] | None) -> Context | None:
    if table is None:
        return None
    return Context(field=table["field"], left_out={name: tuple(ids) for name, ids in table["left_out"].items()})
