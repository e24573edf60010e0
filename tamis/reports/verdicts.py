"""The page of a comparison: verdicts in, one HTML file out, that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tamis.record import is_ssr, pair_test, resolution, write_whole
from tamis.reports.template import render
from tamis.reports.verdict_plots import draw_matrix, draw_ranking, draw_small_ranking
from tamis.reports.wording import METRICS, MISSING, format_short, list_names

# Of more models that are not told apart from the best, a small panel gives the number.
_NAMED_IN_A_PANEL = 4
# A run this near to an AUC of 0.5 learned nothing, where others did.
_CHANCE = 0.01
# A table of more lines is folded away.
_SHORT = 8

_WORDS = {
    "better, worse": "A test of the difference in test AUC with two sources of chance, other test rows (DeLong) and "
    "other seeds, corrected over all pairs of a contest: the chance of any false word among them stays below the "
    "level.",
    "not told apart": "No proof of equality: the interval of the difference says how large one may still hide. Five "
    "seeds tell much more than three, and one seed nothing, as nobody knows its luck.",
    "told from": "The measured difference from which on this pair is told for sure, with these rows and the scatter of "
    "these seeds. Where that is more than would matter to you, the contest cannot tell: take more rows, or more seeds.",
    "SSR first or tied": "An SSR model is the best model, or not told apart from it, at every budget of a real data "
    "set that has both SSR models and others. References from outside do not count, neither for nor against.",
    "outside reference": "Trees by LightGBM on the same encoded rows, tuned as often. They have no size to match, so "
    "they stand beside the contest: in the tests, not among the models.",
    "less best": "The model's AUC less that of the best model, with its 95 % interval. The interval is of this pair "
    "alone and p is corrected over all pairs, so an interval may lie below 0 and yet nothing is told.",
    "bootstrap of rows": "The 95 % interval of the same difference by a paired bootstrap over the test rows. It "
    "knows nothing of seeds, so it is often the narrower one; no word rests on it.",
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
        >>> verdicts = {"level": 0.05, "correction": "Holm over all pairs", "data_sets": [], "waiting": []}
        >>> verdicts |= {"real_sets": 0, "ssr_first_or_tied_real_sets": 0}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_comparison(verdicts, Path(folder) / "verdicts.html")
        ...     "Which model is better?" in page.read_text()
        True
    """
    # Real data first, and the budgets of a data set beside each other.
    found = sorted(verdicts["data_sets"], key=lambda contest: not contest["real"])
    contests = [_contest(contest, f"c{place}") for place, contest in enumerate(found)]
    sections = [
        (name, [contest for contest in contests if contest["data"] == name])
        for name in dict.fromkeys(contest["data"] for contest in contests)
    ]
    text = render(
        "verdicts.html",
        title=title,
        verdicts=verdicts,
        sections=sections,
        notes={name: _gather_notes(here) for name, here in sections},
        panels=[contest for _, here in sections for contest in here] if len(contests) > 1 else [],
        waiting=[{**one, "budget_text": _budget_text(one)} for one in verdicts["waiting"]],
        words=_WORDS,
        auc=METRICS["auc"],
    )
    return write_whole(output, text)


def _contest(contest: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Everything the template prints of one data set at one budget."""
    ranking, tests = contest["ranking"], contest["tests"]
    ran = [line for line in ranking if line["auc"] is not None]
    budget = _budget_text(contest)
    title = f"{contest['data']}, {budget}"
    best = next(line for line in ran if line["against_best"] == "best")
    least = resolution(contest)
    return {
        **contest,
        "budget_text": budget,
        "budget_short": _budget_text(contest, is_short=True),
        "summary": _summary(ran, best, tests),
        "sentences": _sentences(ran, best, tests, least),
        "panel": draw_small_ranking(
            ran, name=f"{name}-panel", title=f"Test AUC of {len(ran)} models on {title}, small", resolution=least
        ),
        "picture": draw_ranking(
            ran, name=f"{name}-ranking", title=f"Test AUC of {len(ran)} models on {title}", resolution=least
        ),
        "matrix": draw_matrix(ran, tests, name=f"{name}-matrix", title=f"Verdicts on all pairs on {title}")
        if len(ran) > 1
        else None,
        "told": sum(test["verdict"] != "not told apart" for test in tests),
        "lines": [{**line, "own": is_ssr(line), "gap": _gap(line, best, tests)} for line in ranking],
        "is_short": len(ranking) <= _SHORT,
        "has_gain": any(line["selection_gain"] for line in ranking),
        "notes": _notes(contest),
    }


def _summary(ran: Sequence[dict[str, Any]], best: dict[str, Any], tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The best model and the best SSR model, for the opening pictures; places are among models, not references."""
    models = [line for line in ran if not line["outside"]]
    own = next((line for line in models if is_ssr(line)), None)
    word = MISSING if own is None else {"best": "first", "not told apart": "tied"}.get(own["against_best"], "behind")
    second = next((line for line in models if not is_ssr(line)), None) if own is best else own
    return {
        "best": best,
        "own": own,
        "word": word,
        "gap": None if own is None else _gap(own, best, tests),
        "second": second,
        "second_gap": None if second is None else _gap(second, best, tests),
        "place": None if own is None else models.index(own) + 1,
        "models": len(models),
        "tied": _tied_text([line["label"] for line in models if line["against_best"] == "not told apart"], len(models)),
    }


def _tied_text(tied: Sequence[str], models: int) -> str:
    """What is not told apart from the best of so many models, by name if these are few."""
    if models == 1:
        return "the only model"
    if not tied:
        return "told apart from all others"
    if len(tied) <= _NAMED_IN_A_PANEL:
        return f"not told apart from {list_names(tied)}"
    return f"not told apart from {'any' if len(tied) == models - 1 else len(tied)} of {models - 1} others"


def _sentences(
    ran: Sequence[dict[str, Any]], best: dict[str, Any], tests: Sequence[dict[str, Any]], least: float | None
) -> list[str]:
    said = [f"{best['label']} has the highest test AUC of the models: {best['auc']:.4f}."]
    models = [line for line in ran if not line["outside"] and line is not best]
    tied = [line["label"] for line in models if line["against_best"] == "not told apart"]
    worse = [line["label"] for line in models if line["against_best"] == "worse"]
    if tied:
        said.append(f"It is not told apart from {list_names(tied)}.")
    if worse:
        said.append(f"It is better than {list_names(worse)}.")
    own = next((line for line in ran if is_ssr(line)), None)
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
    if least is not None:
        said.append(f"Half of the models would be told apart from the best by a difference of {least:.4f} or more.")
    return said


def _gap(line: dict[str, Any], best: dict[str, Any], tests: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The test of a model beside the best one; None for the best itself, and for a model that has not run."""
    return None if line is best or line["auc"] is None else pair_test(tests, line["model"], best["model"])


def _gather_notes(contests: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Each note once, with the budgets at which it holds."""
    gathered: dict[str, list[str]] = {}
    for contest in contests:
        for note in contest["notes"]:
            gathered.setdefault(note, []).append(contest["budget_text"])
    return gathered


def _notes(contest: Mapping[str, Any]) -> list[str]:
    """What makes lines less than they seem: settings of another size, runs that failed or learned nothing, sizes."""
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
        lost = [seed for seed in line["seeds"] if seed["auc"] is not None and abs(seed["auc"] - 0.5) <= _CHANCE]
        if lost and any(other["auc"] is not None and other["auc"] > 0.5 + 5 * _CHANCE for other in ranking):
            notes.append(
                f"{line['label']}: of {len(line['seeds'])} seeds {len(lost)} learned nothing, at AUC 0.5; so far "
                "apart, they tell nothing of it. A lower learning rate would."
            )
        if line["within_budget"] is False:
            notes.append(f"{line['label']}: its size was left as it is, outside of the budget.")
    return notes


def _budget_text(place: Mapping[str, Any], *, is_short: bool = False) -> str:
    if place["target"] is None:
        return "no budget"
    return f"{format_short(place['target']) if is_short else format(place['target'], ',')} {_unit(place['budget'])}"


def _unit(budget: str) -> str:
    return {"parameters": "dense parameters", "flops": "FLOPs a row"}.get(budget, budget)
