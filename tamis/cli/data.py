"""``tamis data``: look at a file, and encode it."""

from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import Format, From, Offline, Overrides

data_app = typer.Typer(help="Look at a log, and encode it for training.", no_args_is_help=True)


@data_app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A log: Parquet, CSV, TSV, libsvm, Criteo, Avazu, ...")],
    format: Format = None,
    label: Annotated[list[str] | None, typer.Option(help="The column to predict; several for several tasks.")] = None,
    group: Annotated[
        str | None, typer.Option(help="The column whose values group rows for GAUC, mostly the user.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="The column that tells when.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="How many rows to look at.")] = 10_000,
    write: Annotated[
        Path | None, typer.Option(help="Write the inferred schema to this TOML file, to be edited.")
    ] = None,
) -> None:
    """Show what each column holds and how tamis would read it."""
    from tamis.cli.tables import print_columns
    from tamis.data.readers import open_source
    from tamis.features import Schema

    source = open_source(file, format=format)
    frame = source.head(rows)
    schema = Schema.infer(frame, label=label, group=group, time=time) if label else None
    print_columns(frame, schema)
    if schema is None:
        typer.echo("Name the column to predict with --label to see how every other column would be read.")
    elif write is not None:
        schema.save(write)
        typer.echo(f"{write}: edit it, then name it as `schema` in the [data] part of an experiment file.")


@data_app.command()
def prepare(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE.toml]", help="An experiment file; only its [data] is used."),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A public data set instead of a file.")] = None,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Where the encoded set goes.")] = None,
    from_folder: From = None,
    offline: Offline = False,
    force: Annotated[bool, typer.Option("--force", help="Encode again even if nothing changed.")] = False,
) -> None:
    """Fit the encoders on the training rows and write the encoded set; nothing is done twice."""
    from tamis.cli.progress import EncodingBars
    from tamis.cli.tables import print_encoded
    from tamis.config import apply_overrides, read_config, read_toml
    from tamis.errors import ConfigError
    from tamis.experiment import DataSettings, prepare_data

    if (file is None) == (recipe is None):
        raise ConfigError("tamis data prepare takes an experiment file or --recipe NAME, one of the two.")
    table = read_toml(file) if file is not None else {"data": {"recipe": recipe}}
    table = apply_overrides(table, overrides or [])
    if out is not None:
        table["data"]["folder"] = str(out)
    data = read_config(DataSettings, table.get("data", {}), where=f"{file or '--recipe'} [data]")
    with EncodingBars() as bars:
        encoded = prepare_data(data, from_folder=from_folder, offline=offline, force=force, report=bars, say=bars.say)
    print_encoded(encoded)
