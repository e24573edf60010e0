"""A whole study: the data made ready, every entrant tuned and run, then judged."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tamis.data import EncodedSet
from tamis.errors import ConfigError, DataError
from tamis.experiment import prepare_data, require_lightgbm
from tamis.study.blocks import DataBlock
from tamis.study.lock import alone_in
from tamis.study.processes import and_then, run_chains
from tamis.study.runs import EntrantRuns, Places, only_tuned
from tamis.study.settings import Entrant, StudySettings
from tamis.study.tuning import require_optuna
from tamis.study.verdicts import judge
from tamis.study.work import WITHOUT_TEST


def prepare_study(
    study: StudySettings,
    *,
    from_folder: Path | None = None,
    offline: bool = False,
    report: Callable[[str, int, int | None], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, EncodedSet]:
    """The encoded set of each data block, opened without its test rows, which only final runs may see.

    ``from_folder`` holds the files of a data set in a folder of the name that its block gives, or of the data set's own
    name if there is one, or itself.

    Raises:
        ConfigError: two data sets would leave their records in one place.
        DataError: the data cannot be had, break a rule of the schema, or have no test rows or several labels.
    """
    encoded: dict[str, EncodedSet] = {}
    places: dict[tuple[str, str], str] = {}
    for data in study.data:
        made = prepare_data(
            data.settings, from_folder=_folder_of(data, from_folder), offline=offline, report=report, say=say
        )
        place = made.name, made.manifest.split_description
        if place in places:
            raise ConfigError(
                f"{study.where}: data sets {places[place]!r} and {data.name!r} are both {place[0]!r} split as "
                f"{place[1]!r}, so their records would overwrite each other. Keep one, or rename a file."
            )
        places[place] = data.name
        if "test" not in made.manifest.splits:
            raise DataError(f"{data.name}: has no test rows to compare models on. Give its split a share for the test.")
        tasks = made.layout.tasks
        if len(tasks) != 1:
            raise DataError(
                f"{data.name}: models are compared on the AUC of exactly one label; got {len(tasks)}: "
                f"{', '.join(tasks)}. Leave all labels but one out of the schema."
            )
        encoded[data.name] = EncodedSet.open(made.folder, splits=WITHOUT_TEST)
    return encoded


def compare(
    study: StudySettings,
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    results: Path | None = None,
    processes: int = 1,
    command: str = "tamis compare",
    report: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Tune and run every entrant of ``study`` into ``runs``, keep the records in ``results``, and judge.

    What lies in ``runs`` already is not done again. A run that fails is part of the verdicts, with its reason; it is
    tried again when the study is started again. ``report`` is told how many runs of how many have ended.

    Raises:
        ConfigError: ``runs`` holds trials of other settings, or another study trains there now, or Optuna or LightGBM
            is needed and not there.
    """
    run_entrants(
        study,
        study.entrants(),
        encoded,
        runs=runs,
        results=results,
        processes=processes,
        command=command,
        report=report,
    )
    return judge(study, runs)


def run_entrants(
    study: StudySettings,
    entrants: Sequence[Entrant],
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    results: Path | None = None,
    processes: int = 1,
    command: str,
    report: Callable[[int, int, str], None] | None = None,
) -> None:
    """Tune and run ``entrants`` under the rules of ``study``; what lies in ``runs`` already is not done again.

    Raises:
        ConfigError: ``runs`` holds trials of other settings, or another study trains there now, or Optuna or LightGBM
            is needed and not there.
    """
    rules = study.rules
    if rules.trials > 1:
        require_optuna()
    if any(entrant.model.is_reference for entrant in entrants):
        require_lightgbm()
    done = 0

    def tell(name: str) -> None:
        nonlocal done
        done += 1
        if report is not None:
            report(done, total, name)

    places = Places(runs=runs, results=results, command=command)
    everyone = [EntrantRuns(study, entrant, encoded[entrant.data.name], places, tell) for entrant in entrants]
    tuned = [one for one in everyone if one.tuner is one]
    others = [one for one in everyone if one.tuner is not one]
    elsewhere = only_tuned(everyone)
    passes = 2 if rules.selection_gain else 1
    total = len(everyone) * len(rules.seeds) + (len(tuned) * passes + len(elsewhere)) * rules.trials

    with ExitStack() as alone:
        for name in dict.fromkeys(entrant.data.name for entrant in entrants):
            alone.enter_context(alone_in(runs / name))
        # What is tuned at another size begins as soon as that is tuned: no core waits for the trials of other models.
        chains = [
            and_then(
                one.tune() if one in elsewhere else one.tune_and_run(),
                [other.run_as_tuned() for other in others if other.tuner.folder == one.folder],
            )
            for one in (*tuned, *elsewhere)
        ]
        run_chains(chains, processes=processes, report=tell)
        if rules.selection_gain:
            run_chains([one.score_trials() for one in tuned], processes=processes, report=tell)


def _folder_of(data: DataBlock, folder: Path | None) -> Path | None:
    if folder is None:
        return None
    if data.subfolder is not None:
        return folder / data.subfolder
    return next(
        (folder / name for name in (data.name, data.name.replace("-", "_")) if (folder / name).is_dir()), folder
    )
