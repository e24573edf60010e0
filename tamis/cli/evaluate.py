"""``tamis evaluate``: the metrics of a saved model on a file with labels."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import BatchSize, Format, ModelFolder


def evaluate(
    model: ModelFolder,
    rows: Annotated[Path, typer.Argument(metavar="FILE", help="Rows with their labels.")],
    format: Format = None,
    batch_size: BatchSize = 8192,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score every row of a labelled file and print the exact metrics."""
    from tamis.cli.progress import rows_bar
    from tamis.cli.tables import print_metrics
    from tamis.data.readers import open_source
    from tamis.export import load_bundle
    from tamis.serving import Scorer

    scorer = Scorer(load_bundle(model), batch_size=batch_size)
    with rows_bar("scoring") as advance:
        values = scorer.evaluate(open_source(rows, format=format).chunks(), report=advance)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
    else:
        print_metrics(values)
