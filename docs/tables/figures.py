"""Single figures within a sentence, each made from the records that the sentence speaks of.

In a document stands ``<!-- = gap frappe/300k final_net ssr_s -->0.0014 [0.0005, 0.0024]<!-- end -->``: a name of
``FIGURES`` and its words. A contest is ``DATA/SIZE``, and ``STUDY:DATA/SIZE`` in another study than the table.
"""

import json
import statistics
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tables import lab, one_by_one, probabilities, scaling
from tables.places import RESULTS
from tables.studies import is_published_ssr, resolution_with, table_contests
from tamis.record import RunRecord, is_ssr, pair_test, resolution

# Models without a size, which are not networks.
_FIXED_SIZE = ("lr", "fm")
_SIZES = {"k": 1_000, "m": 1_000_000}


def figure(text: str) -> str:
    """What stands in the sentence: ``text`` is the name of a figure and its words."""
    name, *words = text.split()
    return FIGURES[name](*words)


def auc(place: str, label: str) -> str:
    """The test AUC of a model, mean over its seeds."""
    return f"{_line(place, label)['auc']:.4f}"


def seed_range(place: str, label: str) -> str:
    """The least and the largest test AUC of a model's seeds."""
    records = _records(place, label)
    aucs = [auc for record in records if (auc := record.test["auc"]) is not None]
    assert len(aucs) == len(records), f"a seed of {label} on {place} has no AUC"
    return _from_to(aucs)


def times_as_long(place: str, one: str, other: str) -> str:
    """How many times as long a model trains on a row as another, by the medians over seeds of their rows a second."""
    speeds = [
        statistics.median(speed for record in _records(place, label) if (speed := record.timings["rows_per_second"]))
        for label in (one, other)
    ]
    return f"{speeds[1] / speeds[0]:.1f}"


def kept_first_trial(place: str) -> str:
    """Of how many networks the trial with the settings as they stand was the best, of how many."""
    networks = [line for line in _contest(place)["ranking"] if not line["outside"] and line["name"] not in _FIXED_SIZE]
    return f"{sum(line['chosen_trial'] == 0 for line in networks)} of {len(networks)}"


def at_last_epoch(place: str, *labels: str) -> str:
    """Of how many seeds of some models the last epoch was the best, of how many: they might have gone on."""
    records = [record for label in labels for record in _records(place, label)]
    last = [record.best["epoch"] == record.settings["training"]["epochs"] for record in records]
    return f"{sum(last)} of {len(last)}"


def grown(study: str, curve: str, size: str) -> str:
    """The test AUC of a model at one size of a scaling study, mean over its seeds."""
    [found] = [one for one in scaling.read(study)["curves"] if one["curve"] == curve]
    [point] = [one for one in found["points"] if one["target"] == _size(size)]
    return f"{point['auc']:.4f}"


def gap(place: str, one: str, other: str) -> str:
    """How far the first model lies above the second, with the interval of that."""
    return _interval(_pair(place, one, other))


def gaps(place: str, *pairs: str) -> str:
    """The least and the largest distance of pairs ``ONE:OTHER``, whichever of the two is above."""
    return _from_to([abs(_pair(place, *pair.split(":"))["difference"]) for pair in pairs])


def spread(place: str, *labels: str) -> str:
    """How far apart the best and the worst of some models are."""
    aucs = [_line(place, label)["auc"] for label in labels]
    return f"{max(aucs) - min(aucs):.4f}"


def resolutions(*places: str) -> str:
    """From where to where in these contests a difference is told that tells half of the models apart from the best."""
    found = [least for place in places if (least := resolution(_contest(place))) is not None]
    assert len(found) == len(places), f"one of {places} has one seed each and tells nothing"
    return _from_to(found) if len(found) > 1 else f"{found[0]:.4f}"


def three_seeds_cost() -> str:
    """By what factor the resolution of the table's contests would be coarser with three of their five seeds."""
    five = [contest for contest in table_contests() if len(contest["ranking"][0]["seeds"]) == 5]
    factors = [resolution_with(contest, seeds=3) / resolution_with(contest, seeds=5) for contest in five]
    return _from_to(factors, ".1f")


def beyond_zero(place: str) -> str:
    """How many of the intervals of all pairs leave zero out, of how many."""
    tests = _contest(place)["tests"]
    return f"{sum(test['low'] > 0 or test['high'] < 0 for test in tests)} of {len(tests)}"


def told_pairs(place: str) -> str:
    """How many of all pairs are told apart, of how many."""
    tests = _contest(place)["tests"]
    return f"{sum(test['verdict'] != 'not told apart' for test in tests)} of {len(tests)}"


def told(word: str, place: str, label: str) -> str:
    """All models than which one is told ``better`` or ``worse``, the best of them first."""
    contest, model = _contest(place), _line(place, label)["model"]
    others = [line for line in contest["ranking"] if line["model"] != model and line["auc"] is not None]
    names = [
        f"`{line['label']}`" for line in others if pair_test(contest["tests"], model, line["model"])["verdict"] == word
    ]
    assert names, f"{label} is told {word} than no model of {place}"
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def real_sets() -> str:
    """On how many of the real data sets SSR is first or not told apart from the first."""
    verdicts = _read(RESULTS / "verdicts.json")
    return f"{verdicts['ssr_first_or_tied_real_sets']} of {verdicts['real_sets']}"


def tied(size: str, label: str) -> str:
    """On how many of the real data sets a single model is first or not told apart from the first."""
    contests = [
        one for one in _read(RESULTS / "verdicts.json")["data_sets"] if one["real"] and one["target"] == _size(size)
    ]
    lines = [line for contest in contests for line in contest["ranking"] if line["label"] == label]
    return f"{sum(line['against_best'] in ('best', 'not told apart') for line in lines)} of {len(contests)}"


def real_gaps(size: str) -> str:
    """From where to where, over the real data sets, the best SSR as published lies above the best of all others."""
    found = []
    for contest in _read(RESULTS / "verdicts.json")["data_sets"]:
        if contest["real"] and contest["target"] == _size(size):
            models = [line for line in contest["ranking"] if not line["outside"] and line["auc"] is not None]
            own = max(line["auc"] for line in models if is_published_ssr(line))
            found.append(own - max(line["auc"] for line in models if not is_ssr(line)))
    return _from_to(found)


def slope(study: str, curve: str) -> str:
    """What ten times the size are worth to a model, with the interval of that."""
    [found] = [one for one in scaling.read(study)["curves"] if one["curve"] == curve]
    return _interval(found["saturation"]["slope"])


def slope_gap(study: str, one: str, other: str) -> str:
    """By how much more ten times the size are worth to one model than to another, with the interval of that."""
    return _interval(pair_test(scaling.read(study)["slopes"], one, other))


def weights_near_zero(*models: str) -> str:
    """The least and the largest share of weights below 0.001 in the layers of some models that read the fields."""
    return _from_to(lab.layer_shares("below_absolute", models), ".1%")


def zeros_behind(*models: str) -> str:
    """The least and the largest share of exact zeros behind the first ReLU of some models."""
    return _from_to(lab.zeros_of_first_relu(models), ".0%")


def kept_share(study: str, model: str, prefix: str) -> str:
    """From where to where, over seeds, the share of what a first block reads that is of fields named ``prefix...``."""
    return _from_to(lab.kept_shares(RESULTS / "studies" / study / "sparsity" / model, prefix), ".0%")


def _records(place: str, label: str) -> list[RunRecord]:
    contest, model = _contest(place), _line(place, label)["model"]
    paths = sorted((RESULTS / contest["dataset"] / contest["split"] / model).glob("seed-*.json"))
    return [RunRecord.load(path) for path in paths]


def _contest(place: str) -> dict[str, Any]:
    """The verdicts of one data set and size."""
    *study, rest = place.split(":")
    data, size = rest.split("/")
    folder = RESULTS / "studies" / study[0] if study else RESULTS
    [contest] = [
        one
        for one in _read(folder / "verdicts.json")["data_sets"]
        if (one["data"], one["target"]) == (data, _size(size))
    ]
    return contest


def _line(place: str, label: str) -> dict[str, Any]:
    """A model's line of the ranking."""
    [line] = [line for line in _contest(place)["ranking"] if line["label"] == label]
    return line


def _pair(place: str, one: str, other: str) -> dict[str, Any]:
    models = (_line(place, label)["model"] for label in (one, other))
    return pair_test(_contest(place)["tests"], *models)


@cache
def _read(path: Path) -> dict[str, Any]:
    """A file of verdicts, which several sentences ask for."""
    return json.loads(path.read_text())


def _size(text: str) -> int:
    return int(text[:-1]) * _SIZES[text[-1]]


def _interval(found: dict[str, float]) -> str:
    return f"{found['difference']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"


def _from_to(values: list[float], how: str = ".4f") -> str:
    return f"{format(min(values), how)} to {format(max(values), how)}"


FIGURES: dict[str, Callable[..., str]] = {
    "auc": auc,
    "seeds": seed_range,
    "times_as_long": times_as_long,
    "kept_first_trial": kept_first_trial,
    "at_last_epoch": at_last_epoch,
    "grown": grown,
    "gap": gap,
    "gaps": gaps,
    "spread": spread,
    "told": told,
    "told_pairs": told_pairs,
    "resolution": resolutions,
    "three_seeds_cost": three_seeds_cost,
    "beyond_zero": beyond_zero,
    "real_sets": real_sets,
    "real_gaps": real_gaps,
    "tied": tied,
    "slope": slope,
    "slope_gap": slope_gap,
    "calibration_gain": one_by_one.calibration_gain,
    "promised": probabilities.promised,
    "weights_near_zero": weights_near_zero,
    "zeros_behind": zeros_behind,
    "kept_share": kept_share,
}
"""By the name that documents use."""
