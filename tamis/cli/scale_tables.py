"""Scaling studies on the screen: the plan, and one table a curve."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from tamis.cli.study_tables import RUN_HEADINGS, print_total, run_cells, size_cells
from tamis.cli.tables import new_table
from tamis.reports.wording import format_gain

if TYPE_CHECKING:
    from tamis.study import ScalePlan


def print_scale_plan(plan: "ScalePlan") -> None:
    """Every point that would be run, then what this machine cannot hold and what more would cost."""
    from tamis.experiment import in_units

    console = Console(soft_wrap=True)
    for data in dict.fromkeys(one.entrant.data.name for one in plan.study.entrants):
        console.print(f"[bold]{data}[/]")
        table = new_table("point", "dense", "embed-\nding", "FLOPs\na row", *RUN_HEADINGS, "memory")
        for one in plan.study.entrants:
            if one.entrant.data.name == data:
                size = one.matched.size if one.matched else None
                counts = () if size is None else (size.dense, size.embedding, size.flops)
                table.add_row(one.entrant.label, *size_cells(counts, of=3), *run_cells(one), in_units(one.memory))
        console.print(table)
    print_total(plan.study)
    if not plan.paper:
        return
    numbers = (plan.kind, "weights and\noptimizer", "min\na run")
    table = new_table("on paper", "curve", *numbers, "note", text=("curve", "note"))
    for one in plan.paper:
        table.add_row(
            one.data,
            one.curve,
            f"{one.target:,}",
            in_units(one.memory),
            "-" if one.minutes is None else f"{one.minutes:,.0f}",
            "too large for this machine" if one.is_asked else "",
        )
    console.print(table)
    console.print("On paper: minutes grow with size from the largest point above; nothing was built.", highlight=False)


def print_scale(results: dict[str, Any]) -> None:
    """Each curve: its points, the law, the verdict; then every pair of curves."""
    console = Console(soft_wrap=True)
    for curve in results["curves"]:
        console.print(f"\n[bold]{curve['curve']}[/] on {curve['data']} ({curve['split']})", highlight=False)
        axis = results["axis"].replace("_", " ")
        table = new_table(axis, "seeds", "test AUC [95 %, seeds]", "log loss", "minutes")
        for point in curve["points"]:
            table.add_row(*_cells(point))
        console.print(table)
        for point in curve["points"]:
            for failed in point["failed"]:
                console.print(f"[bold red]failed:[/] {point['label']} seed {failed['seed']}:", end=" ")
                console.print(failed["reason"], markup=False, highlight=False)
        for sentence in describe_curve(curve):
            console.print(sentence, markup=False, highlight=False)
    if results["slopes"]:
        table = new_table(
            "data", "curve", "less curve", "by ten times the size", "", text=("data", "curve", "less curve", "")
        )
        for pair in results["slopes"]:
            table.add_row(pair["data"], pair["one"], pair["other"], format_gain(pair), pair["verdict"])
        console.print()
        console.print(table)
        console.print("Which curve gains more AUC, last decade; over all pairs by Holm.", highlight=False)


def describe_curve(curve: dict[str, Any]) -> list[str]:
    """What a curve says, in sentences."""
    found = curve["saturation"]
    words = found["verdict"] + (f" from {found['from_size']:,.0f}" if found["from_size"] else "")
    sentences = [f"{words}: {found['reason']}"]
    if found["slope"]:
        sentences.append(f"AUC by ten times the size, last decade: {format_gain(found['slope'])}")
    law = curve["laws"].get("auc")
    if law is None:
        return [*sentences, f"no law: {curve['no_law']}"]
    limit, exponent = law["limit"], law["exponent"]
    sure = "" if law["is_identified"] else "; exponent not identified: limit and extrapolation are guesses"
    return [
        *sentences,
        f"AUC(N) = {limit[0]:.4f} - a N^-{exponent[0]:.2f}, limit [{limit[1]:.4f}, {limit[2]:.4f}], "
        f"exponent [{exponent[1]:.2f}, {exponent[2]:.2f}]{sure}",
        *(
            f"extrapolated to {part['factor']}x ({part['size']:,}): "
            f"{part['auc'][0]:.4f} [{part['auc'][1]:.4f}, {part['auc'][2]:.4f}]"
            for part in curve["extrapolation"]
        ),
    ]


def _cells(point: dict[str, Any]) -> list[str]:
    if point["auc"] is None:
        return [point["label"], "0", "failed", "", ""]
    interval = "" if point["low"] is None else f" [{point['low']:.4f}, {point['high']:.4f}]"
    return [
        f"{point['size']:,}",
        str(len(point["seeds"])),
        f"{point['auc']:.4f}{interval}",
        f"{point['log_loss']:.4f}",
        f"{point['train_seconds'] / 60:.1f}",
    ]
