"""Who is better, and is it sure? Judged from the scores and records that the final runs left, and from nothing else."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tamis.analysis import AucSide, Comparison, auc_side, bootstrap_aucs, holm, weigh_auc
from tamis.errors import ConfigError, DataError
from tamis.record import RunRecord, is_ssr, pair_test, write_whole
from tamis.study.blocks import DataBlock
from tamis.study.finished import Finished, check_same_rows, mean_of_known
from tamis.study.lock import in_turn
from tamis.study.selection import selection_gain
from tamis.study.settings import StudySettings

FORMAT = 4
"""One file holds verdicts of one kind, so the rule raises it too: since 3 the scatter of seeds is an estimate.

Since 4 every test says from which difference on it would have told.
"""
LEVEL = 0.05
_INTERVAL = (2.5, 97.5)


def judge(study: StudySettings, runs: Path) -> dict[str, Any]:
    """The verdicts as plain values; the same files give the same bytes.

    Two models are compared on the same test rows, each by the mean AUC over its seeds, with rows and seeds as the two
    sources of chance. Holm's correction holds over all pairs of a contest, so the pairs with the best, which was found
    on the same rows, need no other. References from outside are in the tests and the ranking, but the best is the best
    of the models, and whether SSR is first or tied is asked among models only.

    A data set of which no model's final run has ended, or whose test rows are of one class, is listed as waiting.

    Raises:
        DataError: that is so of all, or runs of one contest were not scored on the same rows.
    """
    entrants, contests, waiting = study.entrants(), [], []
    for data, target in study.contests():
        here = [e for e in entrants if e.data == data and (e.target == target or e.model.is_reference)]
        everyone = [Finished(entrant, runs, study.budget) for entrant in here]
        reason = _no_contest(everyone)
        if reason is None:
            contests.append(_judge_contest(study, data, target, everyone))
        else:
            waiting.append({"study": study.rules.name, **_place(study, data, target), "reason": reason})
    if not contests:
        reasons = "; ".join(f"{one['data']}: {one['reason']}" for one in waiting)
        raise DataError(f"{study.where}: there is nothing to judge ({reasons}).")
    return _counted(contests, waiting)


def write_verdicts(verdicts: dict[str, Any], path: Path) -> dict[str, Any]:
    """Write one JSON file, whole or not at all, and give what it holds.

    What the file already says of other data sets and budgets stays, so that several studies, or the nights of one, can
    fill one file, also at the same time; of those judged now, the newer verdict takes the place of the older.

    Raises:
        DataError: the file there holds no verdicts that this tamis reads.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with in_turn(path.parent):
        older = _read_verdicts(path) if path.exists() else {"data_sets": [], "waiting": []}
        judged = {_key(contest): contest for contest in (*older["data_sets"], *verdicts["data_sets"])}
        waiting = {_key(one): one for one in (*older["waiting"], *verdicts["waiting"]) if _key(one) not in judged}
        merged = _counted(list(judged.values()), list(waiting.values()))
        write_whole(path, json.dumps(merged, indent=2, allow_nan=False) + "\n")
    return merged


def check_replaces_no_fuller(study: StudySettings, path: Path) -> None:
    """Refuse to judge into a file whose verdict on the same data and size says more, or is of another study.

    Raises:
        ConfigError: a verdict there would be replaced by one that leaves models or seeds out, or is of another study.
        DataError: the file there holds no verdicts that this tamis reads.
    """
    if not path.exists():
        return
    older = {_key(contest): contest for contest in _read_verdicts(path)["data_sets"]}
    for data, target in study.contests():
        place = _place(study, data, target)
        if (contest := older.get(_key(place))) is None:
            continue
        if contest["study"] != study.rules.name:
            raise ConfigError(
                f"{path}: its verdict on {data.name!r} is of the study {contest['study']!r}, and that of "
                f"{study.rules.name!r} would take its place. Name another file with --out."
            )
        asked = {block.label for block in (*study.models_on(data), *study.references)}
        judged = {line["label"] for line in contest["ranking"] if line["auc"] is not None}
        if left_out := judged - asked:
            raise ConfigError(
                f"{path}: its verdict on {data.name!r} is among {len(judged)} models, and this one would leave out "
                f"{len(left_out)} of them, as {min(left_out)!r}. Name another file with --out, or ask for all models."
            )
        seeds = {one.label: set(one.seeds) for one in study.entrants() if one.data == data}
        for line in contest["ranking"]:
            had = {run["seed"] for run in line["seeds"]}
            if unasked := had - seeds.get(line["model"], had):
                raise ConfigError(
                    f"{path}: its verdict on {data.name!r} has {len(had)} seeds of {line['label']!r}, and this one "
                    f"would leave out {sorted(unasked)}. Name another file with --out, or ask for all: "
                    f"--set 'study.seeds={sorted(had)}'."
                )


def _read_verdicts(path: Path) -> dict[str, Any]:
    try:
        older = json.loads(path.read_text())
    except ValueError:
        older = None
    found = older.get("format") if isinstance(older, dict) else None
    if not isinstance(older, dict) or found != FORMAT:
        raise DataError(
            f"{path}: must hold verdicts of format {FORMAT} to add others to them; got {found}. "
            "Move it away, or write elsewhere with --out."
        )
    return older


def _counted(contests: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> dict[str, Any]:
    """Contests, and on how many real data sets an SSR model is first or tied at every budget.

    Among SSR models alone one is always first, without them none, and where no model has two seeds nothing is told
    apart, so that all are tied: such contests do not count.
    """
    real = [contest for contest in contests if contest["real"] and _can_tell(contest["ranking"])]
    names = list(dict.fromkeys(contest["data"] for contest in real))
    first = [name for name in names if all(c["ssr_first_or_tied"] for c in real if c["data"] == name)]
    return {
        "format": FORMAT,
        "level": LEVEL,
        "correction": "Holm over all pairs of a data set and budget",
        "data_sets": contests,
        "waiting": waiting,
        "real_sets": len(names),
        "ssr_first_or_tied_real_sets": len(first),
        "ssr_first_or_tied_names": first,
    }


def _no_contest(everyone: list[Finished]) -> str | None:
    """Why a data set cannot be judged; None if it can."""
    models = [one for one in everyone if not one.entrant.model.is_reference]
    if not any(one.records for one in models):
        return "; ".join(f"{one.entrant.label}: {one.failed[0]['reason']}" for one in models)
    first = next(one for one in models if one.records)
    try:
        auc_side(first.labels, first.scores)
    except DataError as error:
        return str(error)
    return None


def _place(study: StudySettings, data: DataBlock, target: int | None) -> dict[str, Any]:
    return {"data": data.name, "budget": study.budget.kind, "target": target}


def _key(place: dict[str, Any]) -> tuple[Any, ...]:
    return place["data"], place["budget"], place["target"]


def _judge_contest(
    study: StudySettings, data: DataBlock, target: int | None, everyone: list[Finished]
) -> dict[str, Any]:
    finished = [one for one in everyone if one.records]
    labels = check_same_rows(finished)
    sides = {one.entrant.label: auc_side(labels, one.scores) for one in finished}
    alone = {label: weigh_auc([side], (1.0,)) for label, side in sides.items()}
    drawn = bootstrap_aucs(labels, [one.scores for one in finished], draws=study.rules.bootstrap_draws)
    draws = dict(zip(sides, drawn, strict=True))
    finished.sort(key=lambda one: (-alone[one.entrant.label].difference, one.entrant.label))
    tests = _all_pairs([one.entrant.label for one in finished], sides, draws)
    best = next(one.entrant.label for one in finished if not one.entrant.model.is_reference)
    ranking = [_line(study, one, alone[one.entrant.label]) for one in finished]
    for line in ranking:
        line["against_best"] = "best" if line["model"] == best else pair_test(tests, line["model"], best)["verdict"]
    ranking += [_line(study, one, None) | {"against_best": "failed"} for one in everyone if not one.records]
    own = [line for line in ranking if is_ssr(line)]
    record = next(iter(finished[0].records.values()))
    return {
        "study": study.rules.name,
        **_place(study, data, target),
        "tolerance": study.budget.tolerance,
        "trials": study.rules.trials,
        "tuned_at": target if study.budget.tuned_at is None else study.budget.tuned_at,
        "dataset": record.dataset,
        "split": record.split,
        "real": data.real,
        "rows": record.rows,
        "positives": int(labels.sum()),
        "ranking": ranking,
        "tests": tests,
        "ssr_first_or_tied": any(line["against_best"] in ("best", "not told apart") for line in own),
    }


def _can_tell(ranking: list[dict[str, Any]]) -> bool:
    """Whether SSR models stand in a ranking and others beside them, and one of them has several seeds.

    Trees and runs that failed are left out.
    """
    models = [line for line in ranking if not line["outside"] and line["auc"] is not None]
    return len({is_ssr(line) for line in models}) == 2 and any(len(line["seeds"]) > 1 for line in models)


def _all_pairs(ranked: list[str], sides: dict[str, AucSide], draws: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Every pair, the better first; with the bootstrap interval of the same draws of rows beside it."""
    pairs = list(combinations(ranked, 2))
    compared = [weigh_auc([sides[one], sides[other]], (1.0, -1.0)) for one, other in pairs]
    corrected = holm([result.p_value for result in compared])
    tests = []
    for (one, other), result, p_holm in zip(pairs, compared, corrected, strict=True):
        low, high = np.nanpercentile(draws[one] - draws[other], _INTERVAL)
        tests.append(
            {
                "one": one,
                "other": other,
                "difference": result.difference,
                "low": result.low,
                "high": result.high,
                "rows_error": result.rows_error,
                "seeds_error": result.seeds_error,
                "p": result.p_value,
                "p_holm": p_holm,
                "told_from": told_from(result, family=len(pairs)),
                "verdict": _word(result, p_holm),
                "bootstrap_low": float(low),
                "bootstrap_high": float(high),
            }
        )
    return tests


def _word(result: Comparison, p_holm: float) -> str:
    """What is told; with one seed each nothing is, as nobody knows the luck of seeds."""
    if result.seeds_error is None or p_holm >= LEVEL:
        return "not told apart"
    return "better" if result.difference > 0 else "worse"


def told_from(result: Comparison, *, family: int) -> float | None:
    """The measured difference from which on a pair is told for sure in a family of so many tests.

    None with one seed each, where nothing is told. It is that of Holm's first step, which corrects for the whole
    family; later steps ask less, so that a smaller difference may be told where others of the family are. A contest in
    which this is larger than what would matter cannot tell, however many models are *not told apart* in it.
    """
    return None if result.seeds_error is None else result.spread.reach(inside=1 - LEVEL / family)


def _line(study: StudySettings, one: Finished, alone: Comparison | None) -> dict[str, Any]:
    entrant, chosen, records, had = one.entrant, one.chosen, one.records, one.size()
    return {
        "model": entrant.label,
        "label": entrant.model.label,
        "name": entrant.model.name,
        "outside": entrant.model.is_reference,
        "auc": alone and alone.difference,
        "low": alone and alone.low,
        "high": alone and alone.high,
        "log_loss": mean_of_known([record.test["log_loss"] for record in records.values()]),
        "seeds": [
            {"seed": seed, "auc": record.test["auc"], "log_loss": record.test["log_loss"], "valid": record.valid["auc"]}
            for seed, record in records.items()
        ],
        "failed": one.failed,
        "parameters": {name: had[name] for name in ("dense", "embedding", "active")},
        "trees": _trees(records) if entrant.model.is_reference else None,
        "flops": had["flops"],
        "closed_flops": had["closed_flops"],
        "within_budget": study.budget.is_met(chosen.get("size", {}), entrant.target),
        "budget_factor": chosen.get("factor"),
        "trials": chosen.get("trials"),
        "failed_trials": chosen.get("failed_trials"),
        "chosen_trial": chosen.get("chosen_trial"),
        "chosen_values": chosen.get("values"),
        "chosen_valid": chosen.get("valid"),
        "settings": chosen.get("settings"),
        "train_seconds": mean_of_known([record.timings["train_seconds"] for record in records.values()]),
        "selection_gain": selection_gain(one.folder, chosen) if study.rules.selection_gain else None,
    }


def _trees(records: dict[int, RunRecord]) -> dict[str, float | None]:
    """Trees and leaves, the mean over seeds."""
    return {name: mean_of_known([r.parameters.get(name) for r in records.values()]) for name in ("trees", "leaves")}
