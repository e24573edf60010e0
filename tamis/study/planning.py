"""What a study would do: sizes, the runs that are left, and a guess of the time; nothing is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, make_plan, plan_reference
from tamis.study.budget import Matched, match_budget
from tamis.study.runs import EntrantRuns, Places
from tamis.study.settings import Entrant, StudySettings


@dataclass(frozen=True, kw_only=True)
class PlannedEntrant:
    """One entrant as it was chosen, or before tuning as it stands: its matched size, its runs, rough minutes of one.

    Of its ``runs``, which are its trials and its final runs, ``left`` are those that have not been made. ``problem``
    says why this machine would refuse a run, if it would.
    """

    entrant: Entrant
    matched: Matched
    runs: int
    left: int
    minutes: float
    memory: int
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """All entrants; ``minutes`` is a guess for the runs ``left`` over ``processes``, if each takes all its epochs.

    ``memory_needed`` is that of as many runs of the largest model at a time, ``memory_free`` None where nobody knows.
    """

    entrants: tuple[PlannedEntrant, ...]
    processes: int
    runs: int
    left: int
    minutes: float
    memory_needed: int
    memory_free: int | None


def plan_study(
    study: StudySettings,
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    results: Path | None = None,
    processes: int,
    report: Callable[[int, int, str], None] | None = None,
) -> StudyPlan:
    """Match every budget, and measure one step of each model on one core.

    What lies in ``runs`` already, and what has been chosen by the files in ``results``, is not to be done again.

    Raises:
        ConfigError: a budget cannot be met, or ``runs`` holds trials of other settings.
    """
    places = Places(runs=runs, results=results, command="")
    return plan_entrants(study, study.entrants(), encoded, places=places, processes=processes, report=report)


def plan_entrants(
    study: StudySettings,
    entrants: Sequence[Entrant],
    encoded: dict[str, EncodedSet],
    *,
    places: Places,
    processes: int,
    report: Callable[[int, int, str], None] | None = None,
) -> StudyPlan:
    """Plan any models under the rules of ``study``, and those they are tuned as.

    Raises:
        ConfigError: a budget cannot be met, or there are trials of other settings among the runs.
    """
    planned, free = [], None
    everyone = [EntrantRuns(study, entrant, encoded[entrant.data.name], places, lambda _: None) for entrant in entrants]
    folders = {one.folder for one in everyone}
    only_tuned = {one.tuner.folder: one.tuner for one in everyone if one.tuner.folder not in folders}
    wanted = [*only_tuned.values(), *everyone]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number, one in enumerate(wanted, start=1):
            entrant, rows, chosen = one.entrant, one.encoded, one.known_choice()
            trials, seeds, trials_left, seeds_left = 0, 0, 0, 0
            if one.tuner is one:
                trials, trials_left = study.rules.trials, one.trials_left()
            if one.folder in folders:
                seeds, seeds_left = len(entrant.seeds), one.final_runs_left(chosen)
            matched = chosen or match_budget(entrant.settings, entrant, study.budget, rows)
            problem = None
            if isinstance(matched.settings, ExperimentSettings):
                plan = make_plan(matched.settings, rows, folder=one.folder)
                free, problem = plan.memory_free, plan.problem()
                minutes, memory = plan.rough_minutes, plan.memory_needed
            else:
                minutes, memory = plan_reference(matched.settings, rows)
            planned.append(
                PlannedEntrant(
                    entrant=entrant,
                    matched=matched,
                    runs=trials + seeds,
                    left=trials_left + seeds_left,
                    minutes=minutes,
                    memory=memory,
                    problem=problem,
                )
            )
            if report is not None:
                report(number, len(wanted), one.name)
    finally:
        torch.set_num_threads(threads)
    return StudyPlan(
        entrants=tuple(planned),
        processes=processes,
        runs=sum(one.runs for one in planned),
        left=sum(one.left for one in planned),
        minutes=sum(one.minutes * one.left for one in planned) / processes,
        memory_needed=processes * max((one.memory for one in planned), default=0),
        memory_free=free,
    )
