"""``tamis models``: what can be trained, where it comes from, what of it is published."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list instead of a table.")] = False,
) -> None:
    """List the models: name, source paper, published or reconstruction, what each needs."""
    from tamis.models import MODELS

    entries = [MODELS[name] for name in MODELS]
    if as_json:
        facts = [
            {
                "name": entry.name,
                "title": entry.title,
                "source": entry.source,
                "status": entry.status,
                "note": entry.note,
                "needs": sorted(entry.needs),
            }
            for entry in entries
        ]
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "status", "source", "needs"):
        table.add_column(heading, no_wrap=heading in ("model", "status"))
    for entry in entries:
        needs = ", ".join(sorted(entry.needs)) or "-"
        table.add_row(entry.name, entry.status, f"{entry.title}. {entry.source}", needs)
    console = Console()
    console.print(table)
    console.print("\nWhat is our own:")
    for entry in entries:
        if entry.note:
            console.print(Padding(f"[bold]{entry.name}[/] {escape(entry.note)}", (0, 0, 0, 2)), highlight=False)
