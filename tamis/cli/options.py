"""Options that several verbs share: one spelling, one help text."""

import os
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
    str | None,
    typer.Option(
        "--format",
        help="parquet, csv, tsv, libsvm, criteo, avazu, movielens or planted; guessed from the name when left out.",
    ),
]
Processes = Annotated[int | None, typer.Option(min=1, help="Runs side by side, one core each; all cores if left out.")]
OnlyPlan = Annotated[bool, typer.Option("--plan", help="Say what would be run and roughly how long, and stop.")]
OnlyJudge = Annotated[
    bool, typer.Option("--judge", help="Make the verdicts again from the scores that are there; run nothing.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows scored at a time.")]


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
