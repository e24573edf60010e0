"""What an inspection found, on the screen: the main figures; the page has the rest."""

from statistics import fmean
from typing import Any

from rich.console import Console

from tamis.cli.tables import new_table
from tamis.record import Inspection
from tamis.reports import headlines


def print_inspection(inspection: Inspection) -> None:
    """Each layer and each filter in one line, with the same before training in brackets, then what it comes to."""
    console = Console(soft_wrap=True)
    layers = new_table("layer", "weights", "< 0.001", "dims for 80 %\nof mass", "effective\nrank", "of")
    for layer in inspection.layers:
        layers.add_row(
            layer["name"],
            f"{layer['blocks'] * layer['outputs'] * layer['inputs']:,}",
            *(_both(layer, key, percent=True) for key in ("below_absolute", "dims_for_80")),
            _both(layer, "effective_rank", percent=False),
            f"{layer['trained']['full_rank']:,}",
        )
    console.print(layers)
    if inspection.filters:
        filters = new_table("filter", "kind", "views", "zeros", "dead", "overlap (chance)", text=("kind",))
        for sieve in inspection.filters:
            filters.add_row(sieve["name"], sieve["kind"], f"{sieve['views']} x {sieve['width']}", *_activity(sieve))
        console.print(filters)
    for sentence in headlines(inspection):
        console.print(sentence, highlight=False, markup=False)


def _activity(sieve: dict[str, Any]) -> tuple[str, str, str]:
    if sieve["kind"] == "static":
        return f"{sieve['zeros']:.1%}", "-", _overlap(sieve)
    if "trained" not in sieve:
        return "-", "-", "-"
    trained, untrained = (fmean(sieve[key]["zeros"][-1]) for key in ("trained", "untrained"))
    return f"{trained:.1%} ({untrained:.1%})", f"{fmean(sieve['trained']['dead']):.1%}", _overlap(sieve["trained"])


def _overlap(found: dict[str, Any]) -> str:
    if found["overlap"] is None:
        return "-"
    return f"{found['overlap']:.1%} ({found['chance_overlap']:.1%})"


def _both(layer: dict[str, Any], key: str, *, percent: bool) -> str:
    form = "{:.1%} ({:.1%})" if percent else "{:.1f} ({:.1f})"
    return form.format(layer["trained"][key], layer["untrained"][key])
