"""Options that several verbs share: one spelling, one help text."""

from pathlib import Path
from typing import Annotated

import typer

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=VALUE", help="Override one setting of the file; may be given several times."),
]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", help="Where the files of a public data set lie, if you have them."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never ask the network for data.")]
ModelFolder = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A saved model: the `model` folder of a run, or what ranker.save wrote."),
]
Format = Annotated[
    str | None, typer.Option("--format", help="How the file is written; guessed from its name when left out.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows scored at a time.")]
