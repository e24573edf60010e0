"""The selection gain: how much better a model looks if its settings are chosen on the test rows."""

import json
from pathlib import Path
from typing import Any

from tamis.study.runs import TEST_FILE, trial_folder


def selection_gain(folder: Path, chosen: dict[str, Any]) -> dict[str, Any] | None:
    """The best test AUC among the trials, and how far it lies above that of the trial chosen by validation.

    It is never below 0: a number that says what the usual mistake would be worth, and no result. None if the trials
    were not scored, or the chosen one could not be.
    """
    found: dict[int, float] = {}
    for number in range(chosen.get("trials", 0)):
        place = trial_folder(folder, number) / TEST_FILE
        value = json.loads(place.read_text())["test_auc"] if place.exists() else None
        if value is not None:
            found[number] = value
    if chosen.get("chosen_trial") not in found:
        return None
    honest = found[chosen["chosen_trial"]]
    best = max(found, key=lambda number: found[number])
    return {
        "gain": found[best] - honest,
        "test_auc_if_chosen_on_test": found[best],
        "test_auc_of_the_chosen": honest,
        "trial_best_on_test": best,
        "trials_scored": len(found),
        "note": "computed after all final runs from the trials' weights; not used for any choice",
    }
