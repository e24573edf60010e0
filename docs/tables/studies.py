"""What studies found: models beside each other on the same rows, with corrected tests."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tables.places import RESULTS, interval
from tamis.analysis import holm, weigh_values
from tamis.analysis.uncertain_spread import UncertainSpread
from tamis.record import is_ssr, pair_test, resolution
from tamis.study.verdicts import LEVEL

_PUBLISHED_SSR = ("ssr_s_paper", "ssr_s_official", "ssr_d_paper", "ssr_d_official", "ssr_d_unirank")


def evidence_table() -> str:
    """One line a data set and budget: the best of the SSR family beside the best of all other models."""
    lines = [
        "| data set | dense parameters | test rows (clicks) | seeds | best SSR | best of the others "
        "| difference [95 %] | after Holm | told from | best of all | LightGBM |",
        "|---|---:|---:|---:|---|---|---|---|---:|---|---|",
    ]
    for contest in table_contests():
        models = [line for line in contest["ranking"] if not line["outside"] and line["auc"] is not None]
        best = {own: next(line for line in models if is_ssr(line) == own) for own in (True, False)}
        trees = next((line for line in contest["ranking"] if line["outside"]), None)
        pair = (best[True]["model"], best[False]["model"])
        gap, verdict_word = difference(contest["tests"], *pair)
        told_from = pair_test(contest["tests"], *pair)["told_from"]
        lines.append(
            f"| {contest['data']} | {contest['target']:,} | {contest['rows']['test']:,} ({contest['positives']:,}) "
            f"| {len(models[0]['seeds'])} | {_named_auc(best[True])} | {_named_auc(best[False])} "
            f"| {gap} | {verdict_word} | {told_from:.4f} | {'SSR' if is_ssr(models[0]) else 'another model'} "
            f"| {'' if trees is None or trees['auc'] is None else format(trees['auc'], '.4f')} |"
        )
    return "\n".join(lines)


def ranking_tables() -> str:
    """A table a budget: the test AUC of each model on each data set."""
    parts = []
    for target in sorted({contest["target"] for contest in table_contests()}):
        contests = [contest for contest in table_contests() if contest["target"] == target]
        places = [{line["label"]: line for line in contest["ranking"]} for contest in contests]
        lines = [
            f"| {target:,} dense parameters | {' | '.join(contest['data'] for contest in contests)} |",
            f"|---|{'---:|' * len(contests)}",
        ]
        for label in dict.fromkeys(label for place in places for label in place):
            lines.append(f"| `{label}` | {' | '.join(_mark(place.get(label)) for place in places)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def baselines_tables() -> str:
    """A table a budget: how many of the published SSR are told better or worse than each other model, set by set."""
    parts = []
    for target in sorted({contest["target"] for contest in table_contests()}):
        contests = [contest for contest in table_contests() if contest["target"] == target]
        lines = [
            f"| {target:,} dense parameters | {' | '.join(contest['data'] for contest in contests)} |",
            f"|---|{'---|' * len(contests)}",
        ]
        others = [line["label"] for contest in contests for line in contest["ranking"] if not is_ssr(line)]
        for label in dict.fromkeys(others):
            lines.append(f"| `{label}` | {' | '.join(_told_of_ssr(contest, label) for contest in contests)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def first_or_tied_table() -> str:
    """One line a model, at the smallest budget: on how many real sets it is first, tied with the first, told worse.

    Beside it how many would be told worse if Holm's correction had the pairs with the first alone, which takes the
    choice of the first for granted and so tells too much.
    """
    target = min(contest["target"] for contest in table_contests())
    contests = [contest for contest in table_contests() if contest["target"] == target and contest["real"]]
    lines = [
        f"| {target:,} dense parameters | real sets | first | not told apart | told worse "
        "| told worse if only the first's pairs counted |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    counts: dict[str, list[int]] = {}
    for contest in contests:
        worse_alone = _worse_by_pairs_of_first(contest)
        for line in contest["ranking"]:
            if line["auc"] is not None and not line["outside"]:
                words = [line["against_best"] == word for word in ("best", "not told apart", "worse")]
                found = [1, *map(int, words), int(line["model"] in worse_alone)]
                counts[line["label"]] = [
                    sum(pair) for pair in zip(counts.get(line["label"], [0] * 5), found, strict=True)
                ]
    for label, found in sorted(counts.items(), key=lambda item: (item[1][3], item[1][4], -item[1][1], item[0])):
        lines.append(f"| `{label}` | {' | '.join(map(str, found))} |")
    return "\n".join(lines)


def verdicts_table(path: Path) -> str:
    """One line a model, one column a data set and budget: test AUC, and what the tests say of it beside the best."""
    contests = json.loads(path.read_text())["data_sets"]
    heads = [f"{contest['data']}, {contest['target']:,} {contest['budget']}" for contest in contests]
    lines = [f"| model | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    places = [{line["label"]: line for line in contest["ranking"]} for contest in contests]
    for label in sorted({label for place in places for label in place}):
        lines.append(f"| `{label}` | {' | '.join(_rank(place.get(label)) for place in places)} |")
    return "\n".join(lines)


def pairs_table(path: Path, pairs: Sequence[tuple[str, str]]) -> str:
    """One line a pair, one column a data set: by how much the first is above the second, and what is told of it."""
    contests = json.loads(path.read_text())["data_sets"]
    heads = [contest["data"] for contest in contests]
    lines = [f"| model | beside | {' | '.join(heads)} |", f"|---|---|{'---|' * len(heads)}"]
    for one, other in pairs:
        cells = [" ".join(difference(contest["tests"], one, other)) for contest in contests]
        lines.append(f"| `{one}` | `{other}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def selection_table(path: Path) -> str:
    """One line a model: its test AUC, that of its chosen trial, and what a choice by test would feign."""
    lines = [
        "| data set | model | test AUC [95 %] | beside the best | its chosen trial | best trial by test "
        "| selection gain |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    for contest in json.loads(path.read_text())["data_sets"]:
        for line in contest["ranking"]:
            found = line["selection_gain"]
            aucs = (found["test_auc_of_the_chosen"], found["test_auc_if_chosen_on_test"])
            lines.append(
                f"| {contest['data']} | `{line['label']}` | {line['auc']:.4f} [{line['low']:.4f}, {line['high']:.4f}] "
                f"| {line['against_best']} | {' | '.join(f'{auc:.4f}' for auc in aucs)} | {found['gain']:+.4f} |"
            )
    return "\n".join(lines)


def resolution_table() -> str:
    """One line a contest: which difference would tell half of its models from the first, and how far away they are."""
    lines = [
        "| data set | dense parameters | test rows (clicks) | seeds "
        "| half of the models would be told from the first by | with three of the seeds "
        "| how far half of them are from it |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for contest in table_contests():
        first, *others = [line for line in contest["ranking"] if not line["outside"] and line["auc"] is not None]
        least = resolution(contest)
        assert least is not None, f"{contest['data']}: with one seed each nothing is told"
        fewer = f"{resolution_with(contest, seeds=3):.4f}" if len(first["seeds"]) > 3 else ""
        lines.append(
            f"| {contest['data']} | {contest['target']:,} | {contest['rows']['test']:,} ({contest['positives']:,}) "
            f"| {len(first['seeds'])} | {least:.4f} | {fewer} "
            f"| {first['auc'] - statistics.median(line['auc'] for line in others):.4f} |"
        )
    return "\n".join(lines)


def resolution_with(contest: dict[str, Any], *, seeds: int) -> float:
    """What ``resolution`` would be with the first so many seeds: their scatter, and the rows' error as it is held."""
    aucs = {line["model"]: [run["auc"] for run in line["seeds"]][:seeds] for line in contest["ranking"]}
    best = next(line["model"] for line in contest["ranking"] if line["against_best"] == "best")
    tests = []
    for test in contest["tests"]:
        if best not in (test["one"], test["other"]):
            continue
        found = weigh_values([aucs[test["one"]], aucs[test["other"]]], (1.0, -1.0))
        assert found is not None
        spread = UncertainSpread(test["rows_error"] ** 2, found.spread.estimate, found.spread.freedom)
        tests.append(test | {"told_from": spread.reach(inside=1 - LEVEL / len(contest["tests"]))})
    least = resolution(contest | {"tests": tests})
    assert least is not None
    return least


def table_contests(verdicts: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """All contests of the table, real data sets first; of the committed verdicts unless others are given."""
    found = (json.loads((RESULTS / "verdicts.json").read_text()) if verdicts is None else verdicts)["data_sets"]
    return sorted(found, key=lambda contest: (not contest["real"], contest["data"], contest["target"]))


def difference(tests: Sequence[dict[str, Any]], one: str, other: str) -> tuple[str, str]:
    """The difference of two models with its interval, and what the corrected test says of the first."""
    test = pair_test(tests, one, other)
    return interval({**test, "mean": test["difference"]}), test["verdict"]


def is_published_ssr(line: dict[str, Any]) -> bool:
    """Whether a line of the table's ranking is an SSR in a preset of its paper, its authors' code or UniRank."""
    return line["label"] in _PUBLISHED_SSR


def _named_auc(line: dict[str, Any]) -> str:
    """A model and its AUC with half the width of its interval."""
    return f"`{line['label']}` {line['auc']:.4f} ± {(line['high'] - line['low']) / 2:.4f}"


def _mark(line: dict[str, Any] | None) -> str:
    """An AUC: in bold the best, with = what is not told apart from it."""
    if line is None or line["auc"] is None:
        return "" if line is None else "failed"
    said, auc = line["against_best"], f"{line['auc']:.4f}"
    return {"best": f"**{auc}**", "not told apart": f"{auc} ="}.get(said, auc)


def _rank(line: dict[str, Any] | None) -> str:
    if line is None or line["auc"] is None:
        return "" if line is None else line["against_best"]
    return f"{line['auc']:.4f} [{line['low']:.4f}, {line['high']:.4f}] {line['against_best']}"


def _worse_by_pairs_of_first(contest: dict[str, Any]) -> set[str]:
    """The models told worse than the first if only its pairs were corrected for."""
    first = next(line["model"] for line in contest["ranking"] if line["against_best"] == "best")
    pairs = [test for test in contest["tests"] if first in (test["one"], test["other"])]
    corrected = holm([test["p"] for test in pairs])
    return {
        test["other"] if test["one"] == first else test["one"]
        for test, p_value in zip(pairs, corrected, strict=True)
        if p_value < 0.05
    }


def _told_of_ssr(contest: dict[str, Any], label: str) -> str:
    """How many published SSR are told better than a model, and how many worse; a dash where it was not run."""
    models = {line["label"]: line["model"] for line in contest["ranking"] if line["auc"] is not None}
    if label not in models:
        return "–"
    words = [
        pair_test(contest["tests"], line["model"], models[label])["verdict"]
        for line in contest["ranking"]
        if is_published_ssr(line) and line["label"] in models
    ]
    counts = {word: words.count(word) for word in ("better", "worse")}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)
