"""``tamis scale``: one study file in; laws, verdicts on saturation and a page out."""

from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import From, Offline, OnlyJudge, OnlyPlan, Overrides, Processes, cores


def scale(
    file: Annotated[
        Path, typer.Argument(metavar="STUDY.toml", help="The study: data sets, models, seeds, and what grows.")
    ],
    overrides: Overrides = None,
    processes: Processes = None,
    results: Annotated[
        Path, typer.Option(help="Where the records of the runs go, below a folder of the study's name.")
    ] = Path("results/scaling"),
    runs: Annotated[Path, typer.Option(help="Where the runs go, below a folder of the study's name.")] = Path(
        "runs/scaling"
    ),
    out: Annotated[Path | None, typer.Option(help="The laws and verdicts; NAME.json in --results if left out.")] = None,
    page: Annotated[Path | None, typer.Option(help="The page; scaling.html beside the runs if left out.")] = None,
    plan: OnlyPlan = False,
    only_judge: OnlyJudge = False,
    from_folder: From = None,
    offline: Offline = False,
) -> None:
    """Train models from small to large, fit laws of AUC and log loss, and say whether and where a model saturates.

    Sizes are dense parameters or FLOPs of one row, met as in `tamis compare`, or settings and shares of the training
    rows that the file names. Started again, it goes on where it was. `--plan` says what this machine cannot hold.
    """
    from tamis.cli.progress import EncodingBars, StudyBar
    from tamis.cli.scale_tables import print_scale, print_scale_plan
    from tamis.record import command_line
    from tamis.reports import write_scaling_page
    from tamis.study import judge_scale, load_scale, plan_scale, prepare_study, scale, write_scale

    settings = load_scale(file, overrides or [])
    name = settings.study.rules.name
    place, processes = runs / name, processes or cores()
    if only_judge:
        found = judge_scale(settings, place)
    else:
        with EncodingBars() as bars:
            encoded = prepare_study(settings.study, from_folder=from_folder, offline=offline, report=bars, say=bars.say)
        if plan:
            with StudyBar("planned") as bar:
                planned = plan_scale(
                    settings, encoded, runs=place, results=results / name, processes=processes, report=bar
                )
            print_scale_plan(planned)
            return
        command = command_line("tamis")
        with StudyBar("runs") as bar:
            found = scale(
                settings,
                encoded,
                runs=place,
                results=results / name,
                processes=processes,
                command=command,
                report=bar,
            )
    written = write_scale(found, out or results / f"{name}.json")
    drawn = write_scaling_page(found, page or place / "scaling.html")
    print_scale(found)
    typer.echo(f"{written}\n{drawn}")
