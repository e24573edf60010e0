"""``tamis inspect``: where a model is sparse, and what that saves."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.cli.options import BatchSize, Format, ModelFolder

if TYPE_CHECKING:
    import polars as pl


def inspect(
    model: ModelFolder,
    data: Annotated[
        list[Path] | None, typer.Argument(metavar="[DATA]...", help="Rows, with or without labels; none: weights only.")
    ] = None,
    format: Format = None,
    batch_size: BatchSize = 4096,
    rows: Annotated[int | None, typer.Option(min=1, help="Look at so many rows at most; all when left out.")] = None,
    out: Annotated[Path, typer.Option(help="Where the JSON goes; the page lies beside it.")] = Path("inspection.json"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say where a model's weights and activations are zero, which fields its views keep, and what that saves."""
    from tamis.cli.progress import rows_bar
    from tamis.cli.sparsity_tables import print_inspection
    from tamis.data.readers import open_source
    from tamis.experiment import inspect_model
    from tamis.export import load_bundle
    from tamis.record import RECORD_FILE, RunRecord
    from tamis.reports import write_inspection

    bundle, files = load_bundle(model), data or []
    found = [place for place in (model / RECORD_FILE, model.absolute().parent / RECORD_FILE) if place.exists()]
    sources = [open_source(file, format=format) for file in files]

    def chunks() -> "Iterator[pl.DataFrame]":
        for source in sources:
            yield from source.chunks()

    with rows_bar("looking") as advance:
        inspection = inspect_model(
            bundle,
            chunks(),
            record=RunRecord.load(found[0]) if found else None,
            sources=[file.name for file in files],
            batch_size=batch_size,
            most_rows=rows,
            report=advance,
        )
    place = inspection.save(out)
    page = write_inspection(inspection, place.with_suffix(".html"))
    if as_json:
        typer.echo(place.read_text(encoding="utf-8"), nl=False)
    else:
        print_inspection(inspection)
        typer.echo(f"{place}\n{page}")
