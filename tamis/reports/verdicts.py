"""The page of a comparison: verdicts in, one HTML file out, that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tamis.record import write_whole
from tamis.reports.template import render
from tamis.reports.verdict_plots import draw_matrix, draw_ranking, is_own
from tamis.reports.wording import METRICS, MISSING, list_names

_WORDS = {
    "better, worse": "A test of the difference in test AUC with two sources of chance, other test rows (DeLong) and "
    "other seeds, corrected by Holm over all pairs of a data set and budget: the chance of any false word among them "
    "stays below 5 %.",
    "not told apart": "No proof of equality: the interval of the difference says how large one may still hide. Five "
    "seeds tell much more than three, and one seed nothing, as nobody knows its luck.",
    "SSR first or tied": "An SSR model is the best model, or not told apart from it, at every budget of a real data "
    "set that has both SSR models and others. References from outside do not count, neither for nor against.",
    "outside reference": "Trees by LightGBM on the same encoded rows, tuned as often. They have no size to match, so "
    "they stand beside the contest: in the tests, not among the models.",
    "less best": "The model's AUC less that of the best model, with its 95 % interval; p is corrected.",
    "dense, tables, active": "Parameters outside of the tables, inside of them, and those that one row meets. "
    "Budgets are about dense ones, or FLOPs of one row forwards.",
    "trials": "How often the settings were tuned, chosen by validation rows alone; failed trials count.",
    "gain by test": "How much better the model would look if its trials had been chosen on the test rows, computed "
    "after all runs. A warning, not a result.",
}


def write_comparison(verdicts: Mapping[str, Any], output: Path, *, title: str = "Which model is better?") -> Path:
    """Draw one self-contained HTML page from what ``verdicts.json`` holds; the same verdicts give the same bytes.

    Example:
        >>> import tempfile
        >>> verdicts = {"data_sets": [], "waiting": [], "real_sets": 0, "ssr_first_or_tied_real_sets": 0}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_comparison(verdicts, Path(folder) / "verdicts.html")
        ...     "Which model is better?" in page.read_text()
        True
    """
    contests = [_contest(contest, f"c{place}") for place, contest in enumerate(verdicts["data_sets"])]
    text = render(
        "verdicts.html",
        title=title,
        verdicts=verdicts,
        sections=[
            (name, [contest for contest in contests if contest["data"] == name])
            for name in dict.fromkeys(contest["data"] for contest in contests)
        ],
        words=_WORDS,
        auc=METRICS["auc"],
    )
    return write_whole(output, text)


def _contest(contest: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Everything the template prints of one data set at one budget."""
    ranking = contest["ranking"]
    ran = [line for line in ranking if line["auc"] is not None]
    budget = "no budget" if contest["target"] is None else f"{contest['target']:,} {_unit(contest['budget'])}"
    title = f"{contest['data']}, {budget}"
    told = _both_ways(contest["tests"])
    best = next(line for line in ran if line["against_best"] == "best")
    return {
        **contest,
        "budget_text": budget,
        "summary": _summary(ran, best, contest["tests"]),
        "sentences": _sentences(ran, best, contest["tests"]),
        "picture": draw_ranking(ran, name=f"{name}-ranking", title=f"Test AUC of {len(ran)} models on {title}"),
        "matrix": draw_matrix(ran, told, name=f"{name}-matrix", title=f"Verdicts on all pairs on {title}")
        if len(ran) > 1
        else None,
        "lines": [_line(line, best, contest["tests"]) for line in ranking],
        "has_gain": any(line["selection_gain"] for line in ranking),
        "notes": _notes(contest),
    }


def _summary(ran: Sequence[dict[str, Any]], best: dict[str, Any], tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The best model and the best SSR model, for the overview."""
    own = next((line for line in ran if is_own(line)), None)
    word = MISSING if own is None else {"best": "first", "not told apart": "tied"}.get(own["against_best"], "behind")
    return {"best": best, "own": own, "word": word, "gap": None if own is None else _gap(own, best, tests)}


def _sentences(ran: Sequence[dict[str, Any]], best: dict[str, Any], tests: Sequence[dict[str, Any]]) -> list[str]:
    said = [f"{best['label']} has the highest test AUC of the models: {best['auc']:.4f}."]
    models = [line for line in ran if not line["outside"] and line is not best]
    tied = [line["label"] for line in models if line["against_best"] == "not told apart"]
    worse = [line["label"] for line in models if line["against_best"] == "worse"]
    if tied:
        said.append(f"It is not told apart from {list_names(tied)}.")
    if worse:
        said.append(f"It is better than {list_names(worse)}.")
    own = next((line for line in ran if is_own(line)), None)
    if own is not None and own["against_best"] == "worse":
        gap = _gap(own, best, tests)
        assert gap is not None
        said.append(f"The best SSR model, {own['label']}, is behind by {-gap['difference']:.4f}.")
    said += [
        f"{line['label']}, from outside, has {line['auc']:.4f}: "
        f"{line['against_best'] + (' than' if line['against_best'] != 'not told apart' else ' from')} the best model."
        for line in ran
        if line["outside"]
    ]
    return said


def _line(line: dict[str, Any], best: dict[str, Any], tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {**line, "own": is_own(line), "gap": _gap(line, best, tests)}


def _gap(line: dict[str, Any], best: dict[str, Any], tests: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The difference to the best model, whichever of the two a test names first."""
    for test in tests:
        if (test["one"], test["other"]) == (line["model"], best["model"]):
            return {key: test[key] for key in ("difference", "low", "high", "p_holm")}
        if (test["one"], test["other"]) == (best["model"], line["model"]):
            turned = {"difference": -test["difference"], "low": -test["high"], "high": -test["low"]}
            return {**turned, "p_holm": test["p_holm"]}
    return None


def _both_ways(tests: Sequence[dict[str, Any]]) -> dict[tuple[str, str], str]:
    turned = {"better": "worse", "worse": "better"}
    told = {(str(test["one"]), str(test["other"])): str(test["verdict"]) for test in tests}
    return told | {(other, one): turned.get(word, word) for (one, other), word in told.items()}


def _notes(contest: Mapping[str, Any]) -> list[str]:
    """What makes lines less than they seem: settings of another size, runs and trials that failed, unmatched sizes."""
    ranking, notes = contest["ranking"], []
    if contest.get("tuned_at", contest["target"]) != contest["target"]:
        notes.append(
            f"Settings were chosen at {contest['tuned_at']:,} {_unit(contest['budget'])}, by {contest['trials']} "
            "trials each, and kept at this size."
        )
    notes += [f"{line['label']}, seed {f['seed']}: {f['reason']}" for line in ranking for f in line["failed"]]
    for line in ranking:
        if line["failed_trials"]:
            notes.append(
                f"{line['label']}: {len(line['failed_trials'])} of {line['trials']} trials failed, the first because: "
                f"{line['failed_trials'][0]['reason']}"
            )
        if line["within_budget"] is False:
            notes.append(f"{line['label']}: its size was left as it is, outside of the budget.")
    return notes


def _unit(budget: str) -> str:
    return {"parameters": "dense parameters", "flops": "FLOPs a row"}.get(budget, budget)
