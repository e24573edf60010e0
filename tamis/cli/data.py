"""``tamis data``: look at a file, and encode it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.cli.options import Format, From, Offline, Overrides

if TYPE_CHECKING:
    from tamis.experiment import DataSettings

ExperimentFile = Annotated[
    Path | None, typer.Argument(metavar="[FILE.toml]", help="An experiment file; only its data settings are used.")
]
RecipeName = Annotated[str | None, typer.Option("--recipe", help="A data set by name instead of a file.")]

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
    file: ExperimentFile = None,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Where the encoded set goes.")] = None,
    from_folder: From = None,
    offline: Offline = False,
    force: Annotated[bool, typer.Option("--force", help="Encode again even if nothing changed.")] = False,
) -> None:
    """Fit the encoders on the training rows and write the encoded set; nothing is done twice."""
    from tamis.cli.progress import EncodingBars
    from tamis.cli.tables import print_encoded
    from tamis.experiment import prepare_data

    data = _read_data(file, recipe, overrides, out, verb="prepare")
    with EncodingBars() as bars:
        encoded = prepare_data(data, from_folder=from_folder, offline=offline, force=force, report=bars, say=bars.say)
    print_encoded(encoded)


@data_app.command()
def bayes(
    file: ExperimentFile = None,
    recipe: RecipeName = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compute what the true chances of a planted log would score: the most that can be expected of a model."""
    from tamis.cli.tables import print_bayes
    from tamis.experiment import bayes_bounds

    bounds = bayes_bounds(_read_data(file, recipe, overrides, None, verb="bayes"))
    if as_json:
        typer.echo(json.dumps(bounds))
    else:
        print_bayes(bounds)


def _read_data(
    file: Path | None, recipe: str | None, overrides: list[str] | None, out: Path | None, *, verb: str
) -> "DataSettings":
    from tamis.config import apply_overrides, read_config, read_toml
    from tamis.errors import ConfigError
    from tamis.experiment import DataSettings

    if (file is None) == (recipe is None):
        raise ConfigError(f"tamis data {verb} takes an experiment file or --recipe NAME, one of the two.")
    table = read_toml(file) if file is not None else {"data": {"recipe": recipe}}
    table = apply_overrides(table, overrides or [])
    if out is not None:
        table["data"]["folder"] = str(out)
    return read_config(DataSettings, table.get("data", {}), where=f"{file or '--recipe'} [data]")
