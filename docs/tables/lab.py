"""What the sparsity lab found in trained models, what their filters save, and what lighter ones lose and save."""

import json
import statistics
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tables.places import RESULTS, interval
from tamis.record import mean_interval

Seeds = list[dict[str, Any]]
"""The inspections of one model, a seed each."""
SPARSITY_FIGURES = ("below_absolute", "below_rms", "dims_for_80", "dims_for_80_on_rows")
"""What the lab says of a layer's weights."""


def sparsity_table() -> str:
    """What the lab found in every layer that reads the fields, mean over seeds; in brackets before training.

    An arrow stands where the interval of the difference over seeds leaves zero out.
    """
    lines = [
        "| data set | model | layer | weights below 0.001 | below a tenth of their RMS | inputs with 80 % of the mass "
        "| the same, weighed by the size of the input | effective rank of full | exact zeros behind it |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for model, seeds in inspected():
        for name in reading(seeds):
            layers = same_layer(seeds, name)
            shares = [_trained_and_not(layers, key) for key in SPARSITY_FIGURES]
            rank = statistics.mean(layer["trained"]["effective_rank"] for layer in layers)
            lines.append(
                f"| {log_name(seeds)} | `{model}` | `{name}` | {' | '.join(shares)} "
                f"| {rank:.0f} of {layers[0]['trained']['full_rank']} | {_zeros_behind(seeds, name)} |"
            )
    return "\n".join(lines)


def layer_shares(key: str, names: Sequence[str]) -> list[float]:
    """A share of trained weights, mean over seeds, of each layer that reads the fields in the named models."""
    return [
        mean_shares(same_layer(seeds, layer_name), key)[0]
        for model, seeds in inspected()
        if model.split("-")[0] in names
        for layer_name in reading(seeds)
    ]


def zeros_of_first_relu(names: Sequence[str]) -> list[float]:
    """The share of exact zeros behind the first ReLU, mean over seeds, of each of the named models once trained."""
    return [
        found[0]
        for model, seeds in inspected()
        if model.split("-")[0] in names and (found := first_zeros(seeds)) is not None
    ]


def kept_shares(folder: Path, prefix: str) -> list[float]:
    """Seed by seed, how much of what the first block reads is of the fields whose names begin so, mean over views."""
    found = []
    for path in sorted(folder.glob("seed-*.json")):
        block = json.loads(path.read_text())["filters"][0]
        fields = [name for name in block["sources"] if name.startswith(prefix)]
        found.append(statistics.mean(_share_of(block["sources"], view, fields) for view in block["kept"]))
    return found


def milliseconds_table() -> str:
    """What filters cost or save: medians over seeds of forward milliseconds, of the inspections by one thread."""
    lines = [
        "| data set | model | rows | model, ms | without its filters | block | a view reads "
        "| behind the filter, ms | the same, dense | non-zeros alone | finding them |",
        "|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    for model, seeds in inspected():
        if any(seed["machine"]["torch_threads"] != 1 for seed in seeds):
            continue
        times = [seed["milliseconds"] for seed in seeds]
        whole = [_median([time["model"].get(way) for time in times]) for way in ("as_it_is", "without_filter")]
        head = f"| {log_name(seeds)} | `{model}` | {times[0]['rows']:,} | {' | '.join(whole)} |"
        for place, (name, ways) in enumerate(times[0]["blocks"].items()):
            shape = next(one for one in seeds[0]["filters"] if one["name"] == name)
            reads = f"{shape['width'] / shape['d_in']:.0%}" if shape["kind"] == "static" else "all"
            own = {way: _median([time["blocks"][name][way] for time in times]) for way in ways}
            cells = [own.get(way, "") for way in ("gathered", "dense", "sparse", "conversion")]
            start = head if place == 0 else "| | | | | |"
            lines.append(f"{start} {place + 1} | {reads} | {' | '.join(cells)} |")
        if not times[0]["blocks"]:
            lines.append(f"{head} | | | | | |")
    return "\n".join(lines)


def signal_table(dataset: str, fields: Sequence[str]) -> str:
    """How much of what models read and keep comes from some fields: means with intervals, of two seeds or more.

    Older records add small fields up as others; a seed in which one of ``fields`` is among these is left out.
    """
    lines = [
        "| model | layer | seeds | by weights, untrained | by weights | weighed by the size of the input "
        "| kept by the competition |",
        "|---|---|---:|---:|---|---|---|",
    ]
    for model, seeds in inspected():
        if seeds[0]["dataset"] != dataset:
            continue
        for name in reading(seeds):
            layers = [layer["fields"] for layer in same_layer(seeds, name)]
            layers = [part for part in layers if set(fields) <= set(part["names"])]
            if len(layers) < 2:
                continue
            fresh, trained, on_rows = (
                [_share_of(part["names"], part[when], fields) for part in layers]
                for when in ("untrained", "trained", "on_rows")
            )
            kept = [
                statistics.mean(_share_of(one["sources"], view, fields) for view in one["kept"])
                for seed in seeds
                for one in seed["filters"]
                if one["kind"] == "dynamic" and one["reads_fields"] and set(fields) <= set(one["sources"])
            ]
            cells = [f"{statistics.mean(fresh):.1%}", *map(_mean_share, (trained, on_rows, kept))]
            lines.append(f"| `{model}` | `{name}` | {len(layers)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share_of(names: Sequence[str], shares: Sequence[float], fields: Sequence[str]) -> float:
    return sum(share for name, share in zip(names, shares, strict=True) if name in fields)


def _mean_share(shares: Sequence[float]) -> str:
    """A mean over seeds with its interval, nothing where there is none."""
    ends = mean_interval(shares) if shares else None
    return "" if ends is None else f"{statistics.mean(shares):.1%} [{ends[0]:.1%}, {ends[1]:.1%}]"


def lighter_table() -> str:
    """What each trained model loses and saves when it is made lighter."""
    lines = [
        "| data set, model | iterations | last views | AUC less that of the full model, over rows "
        "| ms for 500 candidates |",
        "|---|---:|---:|---|---:|",
    ]
    for path in sorted((RESULTS / "knob").glob("*.json")):
        curve = json.loads(path.read_text())
        for point in curve["points"]:
            gap, steps = point["auc_less_full"], point["iterations"] or "-"
            lines.append(
                f"| [{curve['dataset']}, `{curve['model']}`](../results/knob/{path.name}) | {steps} "
                f"| {point['views']} | {interval(gap)} | {point['milliseconds']['candidates']:.1f} |"
            )
    return "\n".join(lines)


@cache
def inspected() -> list[tuple[str, Seeds]]:
    """Each model that the lab looked into, with its seeds."""
    places = sorted({path.parent for path in (RESULTS / "sparsity").rglob("seed-*.json")})
    return [
        (place.name, [json.loads(path.read_text()) for path in sorted(place.glob("seed-*.json"))]) for place in places
    ]


def log_name(seeds: Seeds) -> str:
    """The name of the log, with the split where the lab has several of one data set."""
    dataset = seeds[0]["dataset"]
    splits = {one["split"] for _, others in inspected() for one in others if one["dataset"] == dataset}
    return dataset if len(splits) == 1 else f"{dataset}, {seeds[0]['split']}"


def first_zeros(seeds: Seeds) -> tuple[float, float] | None:
    """Exact zeros behind the first layer's ReLU or competition, trained and not; nothing where a view only gathers."""
    first = [one for seed in seeds for one in seed["filters"][:1]]
    if any(one["kind"] == "static" for one in first):
        return None
    relus = [layer for seed in seeds for layer in seed["relu_layers"][:1]]
    return mean_shares([_behind_competition(one) for one in first] or relus, "zeros")


def forward_milliseconds(seeds: Seeds) -> tuple[float, float | None] | None:
    """Medians over seeds of forward milliseconds as the model is, and without filters; only of one thread."""
    if any(seed["machine"]["torch_threads"] != 1 for seed in seeds):
        return None
    times = [seed["milliseconds"]["model"] for seed in seeds]
    now, without = (
        [three[1] for time in times if (three := time.get(way)) is not None] for way in ("as_it_is", "without_filter")
    )
    return statistics.median(now), statistics.median(without) if without else None


def mean_shares(parts: Seeds, key: str) -> tuple[float, float]:
    """A share in the mean over seeds, of the trained and of the untrained model."""
    trained, fresh = (statistics.mean(part[when][key] for part in parts) for when in ("trained", "untrained"))
    return trained, fresh


def reading(seeds: Seeds) -> list[str]:
    """The layers that read the fields."""
    return [layer["name"] for layer in seeds[0]["layers"] if layer["reads_fields"]]


def same_layer(seeds: Seeds, name: str) -> list[dict[str, Any]]:
    """One layer of every seed."""
    return [next(layer for layer in seed["layers"] if layer["name"] == name) for seed in seeds]


def _trained_and_not(parts: list[dict[str, Any]], key: str) -> str:
    trained, fresh = ([part[when][key] for part in parts] for when in ("trained", "untrained"))
    return f"{statistics.mean(trained):.1%} ({statistics.mean(fresh):.1%}){_arrow(trained, fresh)}"


def _arrow(trained: Sequence[float], fresh: Sequence[float]) -> str:
    ends = mean_interval([one - other for one, other in zip(trained, fresh, strict=True)])
    if ends is None or ends[0] <= 0 <= ends[1]:
        return ""
    return " ↑" if ends[0] > 0 else " ↓"


def _median(quartiles: Sequence[Sequence[float] | None]) -> str:
    """The median over seeds of medians, nothing where a way was not timed."""
    medians = [three[1] for three in quartiles if three is not None]
    if not medians:
        return ""
    middle = statistics.median(medians)
    return f"{middle:.0f}" if middle >= 10 else f"{middle:.2g}"


def _zeros_behind(seeds: Seeds, name: str) -> str:
    """Zeros of the ReLU behind a layer, or of the filter in front of or behind it; nothing where there is neither."""
    behind = [layer for seed in seeds for layer in seed["relu_layers"] if layer["name"] == name]
    if behind:
        return _trained_and_not(behind, "zeros")
    filters = [one for seed in seeds for one in seed["filters"] if name.startswith(f"{one['name']}.")]
    if not filters:
        return ""
    if filters[0]["kind"] == "static":
        return f"{statistics.mean(one['zeros'] for one in filters):.1%} of inputs unread by a view"
    return _trained_and_not([_behind_competition(one) for one in filters], "zeros")


def _behind_competition(one: dict[str, Any]) -> dict[str, Any]:
    """The zeros that a dynamic filter's last iteration leaves, mean over views, as a layer's are held."""
    return {when: {"zeros": statistics.mean(one[when]["zeros"][-1])} for when in ("trained", "untrained")}
