"""``tamis train``: one experiment file in, one run folder out."""

from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import From, Offline, Overrides


def train(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The experiment: data, model, training. Or a record, whose run is repeated."
        ),
    ],
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option(help="Short for --set training.seed=N.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; named after data, model and seed if left out.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the run's folder.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what the run will need, and stop.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Train even if by its plan the run will not fit.")] = False,
    from_folder: From = None,
    offline: Offline = False,
) -> None:
    """Train a model, choose by validation, score the test set once, and leave a record.

    First the plan is printed: the memory, disk and rough time the run will need. One that will not fit is refused.

    The run's folder holds record.json (every number), curve.jsonl, settings.toml and the saved model in `model`.
    Under torchrun, all processes train one model together.
    """
    from tamis.cli.progress import EncodingBars, TrainingBar
    from tamis.cli.tables import print_plan, print_record
    from tamis.experiment import check_everywhere, load_settings, make_plan, prepare_data, run_experiment, run_folder
    from tamis.record import command_line
    from tamis.training import Workers

    overrides = [*(overrides or []), *([f"training.seed={seed}"] if seed is not None else [])]
    settings = load_settings(file, overrides)
    workers = Workers.from_environment(device=settings.training.device)
    with EncodingBars() as bars, workers.main_first():
        encoded = prepare_data(settings.data, from_folder=from_folder, offline=offline, report=bars, say=bars.say)
    folder = out or run_folder(Path("runs"), settings, encoded)
    command = command_line("tamis")
    planned = make_plan(settings, encoded, folder=folder, workers=workers)
    if workers.is_main:
        print_plan(planned)
    if plan:
        if not anyway:
            check_everywhere(planned, workers)
        workers.close()
        return
    with TrainingBar(f"{settings.model} seed {settings.training.seed}") as bar:
        record = run_experiment(
            settings,
            encoded,
            folder=folder,
            resume=resume,
            command=command,
            report=bar,
            plan=planned,
            must_fit=not anyway,
        )
    workers.close()
    if record is not None:
        print_record(record, folder)
