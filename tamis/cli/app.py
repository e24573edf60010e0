"""All verbs in one program, and the one place where an error becomes a line on the screen."""

import sys

import typer
from rich.console import Console

from tamis import __version__
from tamis.cli.compare import compare
from tamis.cli.data import data_app
from tamis.cli.demo import demo
from tamis.cli.evaluate import evaluate
from tamis.cli.inspect import inspect
from tamis.cli.models import models
from tamis.cli.predict import predict
from tamis.cli.report import report
from tamis.cli.scale import scale
from tamis.cli.train import train
from tamis.cli.worth import worth
from tamis.errors import TamisError

app = typer.Typer(
    help="Recommendation ranking on sparse click logs: filter first, then fuse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data_app, name="data")
for verb in (train, compare, scale, evaluate, predict, inspect, worth, models, report, demo):
    app.command()(verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_print_version, is_eager=True),
) -> None:
    """Recommendation ranking on sparse click logs: filter first, then fuse."""


def main() -> None:
    """Run the command line; what tamis refuses is one line, everything else keeps its traceback."""
    try:
        app()
    except TamisError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {_escape(str(error))}", highlight=False)
        sys.exit(1)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
