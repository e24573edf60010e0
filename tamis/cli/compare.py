"""``tamis compare``: one study file in, verdicts out."""

from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import From, Offline, OnlyJudge, OnlyPlan, Overrides, Processes, cores


def compare(
    file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study: data sets, models, seeds, budget.")],
    overrides: Overrides = None,
    processes: Processes = None,
    results: Annotated[
        Path | None, typer.Option(help="Where the records of the final runs go; results/studies/NAME if left out.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where the runs go, below a folder of the study's name.")] = Path(
        "runs/studies"
    ),
    out: Annotated[
        Path | None,
        typer.Option(
            help="The verdicts, added to those the file holds of other data sets, with a page beside them; "
            "verdicts.json beside the records if left out."
        ),
    ] = None,
    plan: OnlyPlan = False,
    only_judge: OnlyJudge = False,
    data: Annotated[
        list[str] | None, typer.Option(help="Only these data sets of the study; repeat it for several.")
    ] = None,
    target: Annotated[
        list[int] | None, typer.Option(help="Only at these targets of the study's budget; repeat it for several.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only these models, by label: the verdicts are among them; repeat it for several."),
    ] = None,
    from_folder: From = None,
    offline: Offline = False,
) -> None:
    """Compare models on equal terms: one budget, equally many trials, the same seeds, one look at the test rows.

    Started again, it goes on where it was: what is done is not done twice. A run that fails is part of the verdicts.
    """
    from tamis.cli.progress import EncodingBars, StudyBar
    from tamis.cli.study_tables import print_study_plan, print_verdicts
    from tamis.record import command_line
    from tamis.reports import write_comparison
    from tamis.study import (
        check_replaces_no_fuller,
        compare,
        judge,
        load_study,
        plan_study,
        prepare_study,
        write_verdicts,
    )

    study = load_study(file, overrides or []).only(data or [], targets=target or [], labels=model or [])
    results = results or Path("results/studies") / study.rules.name
    place, verdicts_file = runs / study.rules.name, out or results / "verdicts.json"
    if not plan:
        check_replaces_no_fuller(study, verdicts_file)
    processes = processes or cores()
    if only_judge:
        verdicts = judge(study, place)
    else:
        with EncodingBars() as bars:
            encoded = prepare_study(study, from_folder=from_folder, offline=offline, report=bars, say=bars.say)
        if plan:
            with StudyBar("planned") as bar:
                planned = plan_study(study, encoded, runs=place, results=results, processes=processes, report=bar)
            print_study_plan(planned)
            return
        command = command_line("tamis")
        with StudyBar("runs") as bar:
            verdicts = compare(
                study, encoded, runs=place, results=results, processes=processes, command=command, report=bar
            )
    everything = write_verdicts(verdicts, verdicts_file)
    page = write_comparison(everything, verdicts_file.with_suffix(".html"))
    print_verdicts(verdicts)
    typer.echo(f"{verdicts_file}\n{page}")
