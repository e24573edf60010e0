"""What a scaling study would do: the size, minutes and memory of every point, and what this machine cannot hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tamis.data import EncodedSet
from tamis.study.budget import too_large, weights_bytes
from tamis.study.planning import StudyPlan, plan_entrants
from tamis.study.runs import Places
from tamis.study.scale_settings import ScaleSettings

_FARTHER = (10, 100)


@dataclass(frozen=True, kw_only=True)
class PaperPoint:
    """A size that is not built: because it is too large for this machine, or to see what more would cost.

    ``minutes`` are those of a run of the largest planned point of the curve, times the ratio of their sizes;
    ``memory`` is what dense weights, gradients and Adam's moments need. ``is_asked`` tells a target of the file.
    """

    data: str
    curve: str
    target: int
    minutes: float | None
    memory: int
    is_asked: bool


@dataclass(frozen=True, kw_only=True)
class ScalePlan:
    """What would be run, and what is on paper only."""

    kind: str
    study: StudyPlan
    paper: tuple[PaperPoint, ...]


def plan_scale(
    settings: ScaleSettings,
    encoded: dict[str, EncodedSet],
    *,
    runs: Path,
    results: Path | None = None,
    processes: int,
    report: Callable[[int, int, str], None] | None = None,
) -> ScalePlan:
    """Match every size this machine can build, and measure one step of each on one core; reckon the others.

    Raises:
        ConfigError: a budget cannot be met before anything is tuned, or ``runs`` holds trials of other settings.
    """
    kind = settings.study.budget.kind
    points = settings.points()
    large = {
        point.entrant.folder(runs)
        for point in points
        if point.entrant.target is not None and too_large(point.entrant.target, kind) is not None
    }
    fitting = [point.entrant for point in points if point.entrant.folder(runs) not in large]
    places = Places(runs=runs, results=results, command="")
    planned = plan_entrants(settings.study, fitting, encoded, places=places, processes=processes, report=report)
    by_folder = {one.entrant.folder(runs): one for one in planned.entrants if one.matched is not None}
    paper = []
    for (data, curve), members in settings.curves().items():
        targets = [point.entrant.target for point in members if point.entrant.target is not None]
        if not targets:
            continue
        built = [by_folder[place] for point in members if (place := point.entrant.folder(runs)) in by_folder]
        largest = max(built, key=lambda one: one.entrant.target or 0, default=None)
        asked = {point.entrant.target for point in members if point.entrant.folder(runs) in large}
        for target in sorted({*(each for each in asked if each), *(factor * max(targets) for factor in _FARTHER)}):
            minutes = None
            if largest is not None and largest.entrant.target:
                minutes = largest.minutes * target / largest.entrant.target
            paper.append(
                PaperPoint(
                    data=data,
                    curve=curve,
                    target=target,
                    minutes=minutes,
                    memory=weights_bytes(target, kind),
                    is_asked=target in asked,
                )
            )
    return ScalePlan(kind=kind, study=planned, paper=tuple(paper))
