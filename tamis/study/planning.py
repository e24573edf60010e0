"""What a study would do: sizes, the runs that are left, and a guess of the time; nothing is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from tamis.data import EncodedSet
from tamis.errors import ConfigError
from tamis.experiment import ExperimentSettings, make_plan, plan_reference
from tamis.study.budget import Matched, match_budget
from tamis.study.runs import EntrantRuns, Places, only_tuned
from tamis.study.settings import Entrant, StudySettings


@dataclass(frozen=True, kw_only=True)
class PlannedEntrant:
    """One entrant as it was chosen, or before tuning as it stands: its matched size, its runs, rough minutes of one.

    Of its ``runs``, which are its trials and its final runs, ``left`` are those that would be made now. ``problem``
    says why its runs would fail, if they would: for want of memory or disk, or because nothing can be run with what was
    chosen, and then there is nothing ``matched`` and no final run left.
    """

    entrant: Entrant
    matched: Matched | None
    runs: int
    left: int
    minutes: float = 0.0
    memory: int = 0
    memory_free: int | None = None
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

    @property
    def refused(self) -> list[PlannedEntrant]:
        """Those whose runs would fail."""
        return [one for one in self.entrants if one.problem is not None]


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
        ConfigError: a budget cannot be met before anything is tuned, or ``runs`` holds trials of other settings.
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
        ConfigError: a budget cannot be met before anything is tuned, or the runs hold trials of other settings.
    """
    planned: list[PlannedEntrant] = []
    everyone = [EntrantRuns(study, entrant, encoded[entrant.data.name], places, lambda _: None) for entrant in entrants]
    elsewhere = only_tuned(everyone)
    wanted = [*elsewhere, *everyone]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number, one in enumerate(wanted, start=1):
            planned.append(_plan_entrant(one, has_final_runs=number > len(elsewhere)))
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
        memory_free=next((one.memory_free for one in planned if one.memory_free is not None), None),
    )


def _plan_entrant(one: EntrantRuns, *, has_final_runs: bool) -> PlannedEntrant:
    entrant, chosen = one.entrant, one.tuner.known_choice()
    trials = one.study.rules.trials if one.tuner is one else 0
    trials_left = one.trials_left() if trials and chosen is None else 0
    seeds = len(entrant.seeds) if has_final_runs else 0
    seeds_left = seeds
    if chosen is None:
        matched = match_budget(entrant.settings, entrant, one.study.budget, one.encoded)
    else:
        try:
            matched = one.match_choice(chosen)
        except ConfigError as error:
            return PlannedEntrant(entrant=entrant, matched=None, runs=trials + seeds, left=0, problem=str(error))
        if has_final_runs:
            seeds_left = one.final_runs_left(matched)
    planned = partial(
        PlannedEntrant, entrant=entrant, matched=matched, runs=trials + seeds, left=trials_left + seeds_left
    )
    if not isinstance(matched.settings, ExperimentSettings):
        minutes, memory = plan_reference(matched.settings, one.encoded)
        return planned(minutes=minutes, memory=memory)
    plan = make_plan(matched.settings, one.encoded, folder=one.folder)
    return planned(
        minutes=plan.rough_minutes,
        memory=plan.memory_needed,
        memory_free=plan.memory_free,
        problem=plan.problem(),
    )
