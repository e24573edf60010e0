"""Tables on the screen: one function a thing shown."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tamis.record import ModelSummary, RunRecord

if TYPE_CHECKING:
    import polars as pl

    from tamis.data import EncodedSet
    from tamis.experiment import FieldChoice, Plan
    from tamis.features import Schema

_NAMED = 3


def print_metrics(values: Mapping[str, Any]) -> None:
    """Metrics, one a line."""
    table = new_table("metric", "value")
    for name, value in values.items():
        table.add_row(name, _number(value))
    Console().print(table)


def print_plan(plan: "Plan") -> None:
    """What a run will need, what there is, and the parts; parts of nothing are left out."""
    from tamis.experiment.plan import in_units

    def parts(sizes: Mapping[str, int]) -> str:
        return ", ".join(f"{name} {in_units(size)}" for name, size in sizes.items() if size)

    def free(size: int | None) -> str:
        return "unknown" if size is None else in_units(size)

    table = Table("the plan", "needed", "free", "of which", box=None, pad_edge=False)
    table.add_row(plan.memory_place, in_units(plan.memory_needed), free(plan.memory_free), parts(plan.memory))
    table.add_row("disk", in_units(plan.disk_needed), free(plan.disk_free), parts(plan.disk))
    minutes = "under 0.1" if plan.rough_minutes < 0.1 else f"roughly {plan.rough_minutes:,.1f}"
    table.add_row("time", f"{minutes} min", "", "if all epochs run, by a short trial")
    Console().print(table)


def print_record(record: RunRecord, folder: Path) -> None:
    """What a finished run found, and where everything lies."""
    console = Console(soft_wrap=True)
    table = new_table("split", "rows", "auc", "log loss", "calibration ratio")
    names = ("auc", "log_loss", "calibration_ratio")
    for split, values in (("validation", record.valid), ("test", record.test)):
        table.add_row(split, *(_number(values.get(name)) for name in ("rows", *names)))
        for task in record.tasks:
            table.add_row(f"  {task}", "", *(_number(values.get(f"{task}.{name}")) for name in names))
    console.print(table)
    if record.worth:
        console.print(_fields_line(record), highlight=False, markup=False)
    for field, count in sorted(record.unseen.items()):
        if count:
            text = f"{escape(field)}: {count:,} test values never seen in training, scored as unknown"
            console.print(text, highlight=False)
    for alarm in record.alarms:
        console.print(f"[bold yellow]alarm:[/] {escape(alarm)}", highlight=False)
    console.print(f"{folder} (draw it with: tamis report {folder})", highlight=False)


def print_summary(summaries: Sequence[ModelSummary]) -> None:
    """One line a model: what ``tamis demo`` ends with."""
    table = new_table("model", "parameters", "AUC (95 % interval\nover seeds)", "log loss", "rows/s")
    for line in summaries:
        interval = "" if line.auc_low is None else f" [{_number(line.auc_low)}, {_number(line.auc_high)}]"
        table.add_row(
            line.model,
            f"{sum(line.parameters.values()):,}",
            f"{_number(line.auc_mean)}{interval}",
            _number(line.log_loss),
            _number(line.rows_per_second and round(line.rows_per_second)),
        )
    Console().print(table)


def print_worth(choice: "FieldChoice", name: str, *, is_asked_for_context: bool) -> None:
    """Every field, the worthiest first, in thousandths of a nat a row; and how many would be left out, and where."""
    table = new_table("field", "worth of a row\n(mnat)", "error", "z", "", text=("",))
    for line in choice.to_json():
        cells = (f"{1000 * line['worth']:.3f}", f"{1000 * line['error']:.3f}", f"{line['z']:.1f}")
        table.add_row(escape(line["name"]), *cells, escape(_where_left_out(line, choice)))
    console = Console(soft_wrap=True)
    console.print(table)
    found, kept = len(choice.found), len(choice.kept)
    console.print(f"{name}: a run with \\[worth] would keep {kept} of {found} fields", highlight=False)
    if is_asked_for_context:
        decided = "no field decides about several others" if choice.context is None else choice.context.field
        console.print(f"context: {escape(decided)}", highlight=False)


def _where_left_out(line: dict[str, Any], choice: "FieldChoice") -> str:
    """Everywhere, or in which values of the context."""
    if not line["kept"]:
        return "left out"
    values = line.get("left_out_in", [])
    if choice.context is None or not values:
        return ""
    named = ", ".join(values[:_NAMED]) + (", …" if len(values) > _NAMED else "")
    count = f"{len(values)} of {len(choice.context_values)} values"
    return f"left out where {choice.context.field} is {named} ({count})"


def print_columns(frame: "pl.DataFrame", schema: "Schema | None") -> None:
    """Each column of a frame: type, missing share, distinct values, an example, and how it would be read."""
    table = new_table(
        "column", "type", "missing", "distinct", "example", "read as", text=("type", "example", "read as")
    )
    for name in frame.columns:
        column = frame[name]
        known = column.drop_nulls()
        roles = [field for field in schema.fields if (field.column or field.name) == name] if schema else []
        distinct = "" if column.dtype.is_nested() else f"{known.n_unique():,}"
        table.add_row(
            escape(name),
            escape(str(column.dtype)),
            f"{column.null_count() / max(1, len(column)):.1%}",
            distinct,
            "" if known.is_empty() else escape(str(known[0])[:24]),
            ", ".join(str(field.kind) for field in roles),
        )
    console = Console()
    console.print(table)
    console.print(f"{len(frame):,} rows looked at")


def print_encoded(encoded: "EncodedSet") -> None:
    """Rows and label rates of an encoded set, and where it lies."""
    table = new_table("split", "rows", "positives")
    for split in encoded.split_names:
        positives = encoded.manifest.splits[split].positives
        table.add_row(split, f"{encoded.rows(split):,}", ", ".join(f"{k} {v:,}" for k, v in positives.items()))
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"{len(encoded.layout.field_names)} fields, {sum(encoded.layout.tables.values()):,} ids")
    console.print(f"{encoded.folder}", highlight=False)


def print_bayes(bounds: Mapping[str, Mapping[str, float]]) -> None:
    """The Bayes bound of each split."""
    names = ("rows", "positive_rate", "auc", "log_loss", "normalised_entropy")
    table = new_table("split", *(name.replace("_", " ") for name in names))
    for split, values in bounds.items():
        table.add_row(split, *(_number(values[name]) for name in names))
    Console().print(table)


def new_table(*headings: str, text: Collection[str] = ()) -> Table:
    """A plain table; the first column and those of ``text`` to the left, numbers to the right and never broken."""
    table = Table(box=None, pad_edge=False)
    for position, heading in enumerate(headings):
        is_text = position == 0 or heading in text
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    return table


def count_of(number: int, thing: str) -> str:
    """A number of things in words.

    Example:
        >>> count_of(1, "run"), count_of(1200, "run")
        ('1 run', '1,200 runs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _fields_line(record: RunRecord) -> str:
    left_out = [field["name"] for field in record.worth if not field["kept"]]
    kept = len(record.worth) - len(left_out)
    text = f"fields: {kept:,} of {len(record.worth):,} kept, by their worth on rows not seen before"
    if left_out:
        text += f"; left out: {', '.join(left_out[:_NAMED])}"
    if len(left_out) > _NAMED:
        text += f" and {len(left_out) - _NAMED:,} more"
    return text


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
