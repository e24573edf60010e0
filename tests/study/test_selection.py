"""The selection gain, by hand."""

import json

import pytest

from tamis.study.selection import selection_gain


@pytest.fixture
def scored(tmp_path):
    def write(values):
        for number, value in enumerate(values):
            folder = tmp_path / "trials" / f"trial-{number:03d}"
            folder.mkdir(parents=True)
            (folder / "test_after_all_runs.json").write_text(json.dumps({"test_auc": value, "reason": None}))
        return tmp_path

    return write


def test_it_is_the_best_on_test_less_the_one_chosen_by_validation(scored):
    gain = selection_gain(scored([0.70, 0.74, None, 0.73]), {"trials": 4, "chosen_trial": 3})
    assert gain["gain"] == pytest.approx(0.01)
    assert (gain["test_auc_if_chosen_on_test"], gain["trial_best_on_test"]) == (0.74, 1)
    assert gain["test_auc_of_the_chosen"] == 0.73
    assert "not used for any choice" in gain["note"]


def test_trials_of_an_earlier_longer_study_do_not_count(scored):
    assert selection_gain(scored([0.70, 0.71, 0.9]), {"trials": 2, "chosen_trial": 1})["gain"] == 0.0


def test_it_is_unknown_if_the_chosen_trial_was_not_scored(scored):
    assert selection_gain(scored([0.70, None]), {"trials": 2, "chosen_trial": 1}) is None
    assert selection_gain(scored([]), {"trials": 0, "chosen_trial": None}) is None
