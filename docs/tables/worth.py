"""What it is worth to choose fields, and when their worth can be known."""

import json
import statistics
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from tables.gap_picture import Gap, draw_gaps
from tables.places import RESULTS, mean_gap
from tables.studies import difference, table_contests
from tamis.data.readers.planted import PlantedSource
from tamis.data.recipes import RECIPES
from tamis.record import RunRecord

WITH_WORTH = {"mlp_worth": "mlp", "ssr_s_worth": "ssr_s_paper", "ssr_d_worth": "ssr_d_paper"}
"""Models of the table that choose their fields, and the same models without."""
WITH_CONTEXT = {
    "ssr_s_context": "ssr_s_paper",
    "ssr_d_context": "ssr_d_paper",
    "gdcn_context": "gdcn",
    "mlp_context": "mlp",
}
"""Models of the table that choose them by a context, and the same models without."""


def worth_table(chosen_and_plain: dict[str, str], *, with_context: bool = False) -> str:
    """One line a data set, budget and model: without and with the choice of fields by their worth."""
    lines = [
        "| data set | dense parameters | model | all fields | chosen fields | difference [95 %] | after Holm | kept |"
        + " context: left out |" * with_context,
        "|---|---:|---|---:|---:|---|---|---|" + "---|" * with_context,
    ]
    for contest in table_contests():
        by_label = {line["label"]: line for line in contest["ranking"] if line["auc"] is not None}
        for chosen, plain in chosen_and_plain.items():
            if chosen not in by_label or plain not in by_label:
                continue
            one, other = by_label[chosen], by_label[plain]
            gap, word = difference(contest["tests"], one["model"], other["model"])
            place = RESULTS / contest["dataset"] / contest["split"] / one["model"]
            records = [RunRecord.load(path) for path in sorted(place.glob("seed-*.json"))]
            found = [record.worth for record in records]
            lines.append(
                f"| {contest['data']} | {contest['target']:,} | `{other['label']}` | {other['auc']:.4f} "
                f"| {one['auc']:.4f} | {gap} | {word} | {kept_fields(found)} |"
                + (f" {contexts(found)} |" if with_context else "")
            )
    return "\n".join(lines)


def draw_worth(verdicts: dict[str, Any], chosen_and_plain: dict[str, str], target: int, *, name: str) -> Markup:
    """How far each model that chooses fields is from itself without, one group a data set."""
    groups: dict[str, list[Gap]] = {}
    for contest in table_contests(verdicts):
        models = {line["label"]: line["model"] for line in contest["ranking"] if line["auc"] is not None}
        pairs = [(one, other) for one, other in chosen_and_plain.items() if {one, other} <= models.keys()]
        if contest["target"] == target and pairs:
            groups[contest["data"]] = [
                Gap.of(contest["tests"], models[one], models[other], label=other) for one, other in pairs
            ]
    title = f"What the choice of fields adds to the test AUC at {target:,} dense parameters"
    return draw_gaps(groups, name=name, title=title, axis="test AUC with it less without, 95 %")


def worth_by_epoch_table() -> str:
    """One line an epoch: what fields that decide and fields of noise look worth, in the mean over fields and seeds."""
    seeds = json.loads((RESULTS / "worth" / "planted-sparse.json").read_text())["seeds"]
    lines = [
        "| epoch | its rows were seen | mean z of the 6 that decide | of the 54 of noise | of noise beyond 2 "
        "| validation AUC after it |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for epoch, parts in enumerate(zip(*(seed["epochs"] for seed in seeds), strict=True), start=1):
        true, noise = ([z for part in parts for z in part[kind]] for kind in ("true", "noise"))
        beyond = sum(z > 2 for z in noise) / len(noise)
        auc = statistics.fmean(part["valid_auc"] for part in parts)
        seen = "never" if epoch == 1 else "once" if epoch == 2 else f"{epoch - 1} times"
        lines.append(
            f"| {epoch} | {seen} | {statistics.fmean(true):.1f} | {statistics.fmean(noise):.1f} | {beyond:.0%} "
            f"| {auc:.4f} |"
        )
    return "\n".join(lines)


def context_known_table() -> str:
    """One line a size and model: with all fields, with those that count, with those found to; means over truths."""
    found = json.loads((RESULTS / "context" / "planted-context.json").read_text())
    share = found["settings"]["split"][0]
    lines = [
        "| training rows | truths | model | as it is | less GDCN [95 %] | told which fields count: gain [95 %] "
        "| having found them: gain [95 %] | found less told [95 %] |",
        "|---:|---:|---|---:|---|---|---|---|",
    ]
    for rows in sorted({log["rows"] for log in found["logs"]}):
        logs = [log for log in found["logs"] if log["rows"] == rows]
        gdcn = [log["models"]["gdcn"]["as_it_is"] for log in logs]
        for model in logs[0]["models"]:
            arms = {arm: [log["models"][model][arm] for log in logs] for arm in ("as_it_is", "known", "found")}
            plain = arms["as_it_is"]
            lines.append(
                f"| {rows * share:,.0f} | {len(logs)} | `{model}` | {statistics.fmean(plain):.4f} "
                f"| {'' if model == 'gdcn' else mean_gap(plain, gdcn)} "
                f"| {mean_gap(arms['known'], plain)} | {mean_gap(arms['found'], plain)} "
                f"| {mean_gap(arms['found'], arms['known'])} |"
            )
    return "\n".join(lines)


def context_found_table() -> str:
    """One line a size: how often the context was found, and which of its pairs with fields."""
    found = json.loads((RESULTS / "context" / "planted-context.json").read_text())
    source, share = RECIPES["planted-context"].open(), found["settings"]["split"][0]
    assert isinstance(source, PlantedSource)
    columns = source.settings.columns
    everything = sum(columns["context"].blocks) * sum(name.startswith("field") for name in columns)
    lines = [
        "| training rows | truths in which the context was found | pairs that count: found "
        "| others: kept all the same |",
        "|---:|---:|---:|---:|",
    ]
    for rows in sorted({log["rows"] for log in found["logs"]}):
        logs = [log for log in found["logs"] if log["rows"] == rows]
        right = sum(log["context_found"] == "context" for log in logs)
        known, kept, both = (sum(log["fields"][kind] for log in logs) for kind in ("known", "found", "found_and_known"))
        others = len(logs) * everything - known
        lines.append(
            f"| {rows * share:,.0f} | {right} of {len(logs)} "
            f"| {both / known:.0%} of {known} | {(kept - both) / others:.0%} of {others} |"
        )
    return "\n".join(lines)


def contexts(seeds: Sequence[Sequence[dict[str, Any]]]) -> str:
    """The contexts that seeds found, and what share of its values and the kept fields' they leave out, in the mean.

    Example:
        >>> slot = {"name": "slot", "kept": True, "values": ["top", "side"]}
        >>> contexts([[slot, {"name": "a", "kept": True, "left_out_in": ["top"]}], [{"name": "a", "kept": True}]])
        'slot: 50% (1 of 2 seeds)'
    """
    found: dict[str, list[float]] = {}
    for fields in seeds:
        for context in (field for field in fields if "values" in field):
            kept = [field for field in fields if field["kept"] and "left_out_in" in field]
            left_out = sum(len(field["left_out_in"]) for field in kept)
            found.setdefault(context["name"], []).append(left_out / max(1, len(kept) * len(context["values"])))
    return (
        ", ".join(
            f"{name}: {statistics.fmean(shares):.0%}"
            + ("" if len(shares) == len(seeds) else f" ({len(shares)} of {len(seeds)} seeds)")
            for name, shares in found.items()
        )
        or "none found"
    )


def kept_fields(seeds: Sequence[Sequence[dict[str, Any]]]) -> str:
    """How many fields the seeds kept, of how many.

    Example:
        >>> kept_fields([[{"kept": True}, {"kept": False}], [{"kept": True}, {"kept": True}]])
        '1 to 2 of 2'
    """
    counts = sorted({sum(field["kept"] for field in fields) for fields in seeds})
    between = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{between} of {len(seeds[0])}"
