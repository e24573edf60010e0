"""What a study would do: sizes, number of runs, and a guess of the time; nothing is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, make_plan, plan_reference
from tamis.study.budget import Matched, match_budget
from tamis.study.settings import Entrant, StudySettings


@dataclass(frozen=True, kw_only=True)
class PlannedEntrant:
    """One entrant as it stands before tuning: its matched size, its runs, and the rough minutes of one of them.

    ``problem`` says why this machine would refuse a run, if it would.
    """

    entrant: Entrant
    matched: Matched
    runs: int
    minutes: float
    memory: int
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """All entrants; ``minutes`` is a guess for all runs over ``processes``, if every run takes all its epochs.

    ``memory_needed`` is that of as many runs of the largest model at a time, ``memory_free`` None where nobody knows.
    """

    entrants: tuple[PlannedEntrant, ...]
    processes: int
    runs: int
    minutes: float
    memory_needed: int
    memory_free: int | None


def plan_study(
    study: StudySettings,
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    processes: int,
    report: Callable[[int, int, str], None] | None = None,
) -> StudyPlan:
    """Match every budget, and measure one step of each model on one core.

    Raises:
        ConfigError: a budget cannot be met.
    """
    return plan_entrants(study, study.entrants(), encoded, runs=runs, processes=processes, report=report)


def plan_entrants(
    study: StudySettings,
    entrants: Sequence[Entrant],
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    processes: int,
    report: Callable[[int, int, str], None] | None = None,
) -> StudyPlan:
    """Plan any models under the rules of ``study``.

    Raises:
        ConfigError: a budget cannot be met.
    """
    planned, free = [], None
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number, entrant in enumerate(entrants, start=1):
            rows = encoded[entrant.data.name]
            each = len(study.rules.seeds) + (study.rules.trials if entrant.tuned_as is None else 0)
            matched = match_budget(entrant.settings, entrant, study.budget, rows)
            problem = None
            if isinstance(matched.settings, ExperimentSettings):
                plan = make_plan(matched.settings, rows, folder=entrant.folder(runs))
                free, problem = plan.memory_free, plan.problem()
                minutes, memory = plan.rough_minutes, plan.memory_needed
            else:
                minutes, memory = plan_reference(matched.settings, rows)
            planned.append(
                PlannedEntrant(
                    entrant=entrant, matched=matched, runs=each, minutes=minutes, memory=memory, problem=problem
                )
            )
            if report is not None:
                report(number, len(entrants), f"{entrant.data.name} {entrant.label}")
    finally:
        torch.set_num_threads(threads)
    return StudyPlan(
        entrants=tuple(planned),
        processes=processes,
        runs=sum(one.runs for one in planned),
        minutes=sum(one.minutes * one.runs for one in planned) / processes,
        memory_needed=processes * max((one.memory for one in planned), default=0),
        memory_free=free,
    )
