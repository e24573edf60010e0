"""Studies on the screen: the plan, and one table of verdicts a data set."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from tamis.cli.tables import count_of, new_table
from tamis.record import pair_test, resolution
from tamis.reports.wording import format_p

if TYPE_CHECKING:
    from tamis.study import PlannedEntrant, StudyPlan


RUN_HEADINGS = ("times", "runs\nleft", "min\neach")
"""Above ``run_cells``."""


def print_study_plan(plan: "StudyPlan") -> None:
    """Every model of each data set: its matched size, the runs that are left, and roughly how long they take.

    A line fits into the eighty columns of a terminal, and of a pipe, up to ten million parameters.
    """
    console = Console(soft_wrap=True)
    for data in dict.fromkeys(one.entrant.data.name for one in plan.entrants):
        console.print(f"[bold]{data}[/]", highlight=False)
        table = new_table("model", "dense", "embed-\nding", "active", "FLOPs\na row", *RUN_HEADINGS)
        table.collapse_padding = True
        for one in plan.entrants:
            if one.entrant.data.name == data:
                size = one.matched.size if one.matched else None
                counts = () if size is None else (size.dense, size.embedding, size.active, size.flops)
                table.add_row(one.entrant.label, *size_cells(counts, of=4), *run_cells(one))
        console.print(table)
    print_total(plan)


def size_cells(counts: tuple[int, ...], *, of: int) -> list[str]:
    """What a model costs; dashes where it has no size."""
    return [*(f"{count:,}" for count in counts), *["-"] * (of - len(counts))]


def run_cells(one: "PlannedEntrant") -> list[str]:
    """By what a model was scaled (a dash: left as it is), its runs that are left, and the minutes of one."""
    factor = one.matched.factor if one.matched else None
    return [
        "-" if factor is None else f"{factor:.3f}",
        f"{one.left}/{one.runs}",
        f"{one.minutes:.1f}" if one.matched else "-",
    ]


def print_total(plan: "StudyPlan") -> None:
    """The runs of a plan, how many are left, the minutes and the memory of these, and which would fail."""
    from tamis.experiment.plan import in_units

    minutes = round(plan.minutes)
    time = f"roughly {count_of(minutes, 'minute')}" if minutes else "under a minute"
    free = "unknown" if plan.memory_free is None else in_units(plan.memory_free)
    console = Console(soft_wrap=True)
    console.print(
        f"{count_of(plan.runs, 'run')}, {plan.left:,} left, {plan.processes} at a time: {time} if every epoch runs; "
        f"up to {in_units(plan.memory_needed)} of memory, {free} free",
        highlight=False,
    )
    for one in plan.refused:
        console.print(f"[bold red]would fail:[/] {one.entrant.data.name} {one.entrant.label}:", end=" ")
        console.print(one.problem, markup=False, highlight=False)


def print_verdicts(verdicts: dict[str, Any]) -> None:
    """The ranking of each data set, and what is sure of it; ``p`` is corrected over all pairs.

    An AUC stands with half the width of its interval.
    """
    console = Console(soft_wrap=True)
    for contest in verdicts["data_sets"]:
        console.print(f"\n[bold]{contest['data']}[/] ({contest['split']}{_size_asked(contest)})", highlight=False)
        has_gain = any(line["selection_gain"] for line in contest["ranking"])
        gain = ["gain\nby test"] if has_gain else []
        table = new_table("model", "dense", "test AUC\n± 95 %", "less\nbest", "p", "verdict", *gain, text=("verdict",))
        table.collapse_padding = True
        best = next(line["model"] for line in contest["ranking"] if line["against_best"] == "best")
        for line in contest["ranking"]:
            table.add_row(*_cells(line, best, contest["tests"], has_gain=has_gain))
        console.print(table)
        if (least := resolution(contest)) is not None:
            console.print(
                f"half of the models would be told apart from the best by {least:.4f} or more", highlight=False
            )
        if contest.get("tuned_at", contest["target"]) != contest["target"]:
            console.print(f"settings: as chosen at {contest['tuned_at']:,} {contest['budget']}", highlight=False)
        for line in contest["ranking"]:
            for failed in line["failed"]:
                console.print(f"[bold red]failed:[/] {line['model']} seed {failed['seed']}:", end=" ")
                console.print(failed["reason"], markup=False, highlight=False)
            if line["failed_trials"]:
                first = line["failed_trials"][0]["reason"]
                count = f"{len(line['failed_trials'])} of {line['trials']} trials failed, the first because: {first}"
                console.print(f"{line['model']}: {count}", markup=False, highlight=False)
            if line["within_budget"] is False:
                console.print(f"{line['model']}: its size was left as it is, outside of the budget", highlight=False)
    for one in verdicts["waiting"]:
        console.print(f"\n[bold]{one['data']}[/]{_size_asked(one)}, not judged:", end=" ", highlight=False)
        console.print(one["reason"], markup=False, highlight=False)
    if verdicts["real_sets"]:
        console.print(
            f"\nSSR first or not told apart from the first on {verdicts['ssr_first_or_tied_real_sets']} "
            f"of {count_of(verdicts['real_sets'], 'real data set')}",
            highlight=False,
        )


def _size_asked(place: dict[str, Any]) -> str:
    """The size at which models meet, after the name of the data; nothing where they have none."""
    return "" if place["target"] is None else f", {place['target']:,} {place['budget']}"


def _cells(line: dict[str, Any], best: str, tests: list[dict[str, Any]], *, has_gain: bool) -> list[str]:
    parameters = line["parameters"]["dense"]
    dense = "-" if parameters is None else f"{parameters:,}"
    name = f"{line['model']} (outside)" if line["outside"] else line["model"]
    if line["auc"] is None:
        return [name, dense, "-", "", "", "failed", *["-"] * has_gain]
    test = None if line["model"] == best else pair_test(tests, line["model"], best)
    gain = line["selection_gain"]
    return [
        name,
        dense,
        f"{line['auc']:.4f} ± {(line['high'] - line['low']) / 2:.4f}",
        "" if test is None else f"{test['difference']:+.4f}",
        "" if test is None else format_p(test["p_holm"]),
        line["against_best"],
        *([f"{gain['gain']:+.4f}" if gain else "-"] if has_gain else []),
    ]
