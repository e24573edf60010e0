"""``tamis report``: draw one page from run folders."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; a folder of runs counts as all of them.")],
    out: Annotated[Path, typer.Option(help="Where the page goes.")] = Path("report.html"),
    title: Annotated[str, typer.Option(help="The page's heading.")] = "",
) -> None:
    """Draw one self-contained HTML page from the records of one or more runs."""
    from tamis.cli.tables import count_of
    from tamis.record import find_runs
    from tamis.reports import write_report

    found = [run for place in runs for run in find_runs(place)]
    page = write_report(found, out, title=title or None)
    typer.echo(f"{page} ({count_of(len(found), 'run')})")
