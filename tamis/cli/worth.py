"""``tamis worth``: what each field of an experiment's data is worth, in one pass over the training rows."""

from pathlib import Path
from typing import Annotated

import typer

from tamis.cli.options import From, Offline, Overrides


def worth(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The experiment: its data and seed are used.")],
    overrides: Overrides = None,
    from_folder: From = None,
    offline: Offline = False,
) -> None:
    """Say what each field is worth on rows not seen before, and which fields a run could do without.

    A small network reads the training rows once. Before it learns a row, its log loss there is compared with what it
    would be if a field had another row's value. A field that tells nothing of the label has a z of 0, give or take 1.

    With --set worth.context=FIELD it also says in which values of that field others were not seen to tell anything;
    with worth.context=auto it finds the field that decides most about the others.

    Nothing is written. A part called worth in the file lets every run of it choose its fields like this.
    """
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from tamis.cli.progress import EncodingBars, TrainingBar
    from tamis.cli.tables import print_worth
    from tamis.experiment import WorthSettings, choose_fields, load_settings, prepare_data

    settings = load_settings(file, overrides or [])
    wanted = settings.worth or WorthSettings()
    settings = replace(settings, worth=wanted)
    with EncodingBars() as bars:
        encoded = prepare_data(settings.data, from_folder=from_folder, offline=offline, report=bars, say=bars.say)
    with TemporaryDirectory(prefix="tamis-") as folder, TrainingBar("one pass") as bar:
        choice = choose_fields(settings, encoded, folder=Path(folder), report=bar)
    print_worth(choice, encoded.name, is_asked_for_context=wanted.context is not None)
