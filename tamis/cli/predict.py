"""``tamis predict``: a file in, a file with scores out, in a stream."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import BatchSize, Format, ModelFolder


def predict(
    model: ModelFolder,
    rows: Annotated[Path, typer.Argument(metavar="FILE", help="The rows to score.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where the scores go: .parquet, .csv or .tsv.")],
    format: Format = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="A column to copy beside the score; all when left out.")
    ] = None,
    batch_size: BatchSize = 8192,
) -> None:
    """Score every row of a file; memory does not depend on its length.

    The result has the rows in their order, with one column ``score`` (or ``score_TASK`` for each of several tasks).
    """
    from tamis.cli.progress import rows_bar
    from tamis.cli.score_file import ScoreFile
    from tamis.data.readers import open_source
    from tamis.export import load_bundle
    from tamis.serving import Scorer

    scorer = Scorer(load_bundle(model), batch_size=batch_size)
    source = open_source(rows, format=format)
    tasks = scorer.bundle.layout.tasks
    names = ["score"] if len(tasks) == 1 else [f"score_{task}" for task in tasks]
    aside = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with rows_bar("scoring") as advance, ScoreFile(aside, like=out) as file:
            for frame, scores in scorer.score_chunks(source.chunks()):
                file.write(frame.select(keep) if keep else frame, dict(zip(names, scores.T, strict=True)))
                advance(len(frame))
        os.replace(aside, out)
    finally:
        aside.unlink(missing_ok=True)
    typer.echo(f"{out}: {scorer.rows:,} rows scored")
    for field, count in sorted(scorer.unseen.items()):
        if count:
            typer.echo(f"  {field}: {count:,} values that training never saw were scored as unknown")
