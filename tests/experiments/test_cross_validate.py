"""Trials are kept as long as they are those of the search, the experiment and the data."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = """
[data]
recipe = "adult"

[model]
name = "mlp"
hidden = [8]

[training]
batch_size = 64
"""
SEARCH = """
seed = 0
epochs = 2

[folds]
column = "part"
values = [0, 1]

[every]
"model.dim" = [2, 4, 8, 16, 32]
"training.dense.learning_rate" = [0.1, 0.2, 0.3, 0.4]
"""


class Alone:
    """In place of a pool of processes."""

    map = staticmethod(map)


@pytest.fixture
def search(tmp_path):
    folder = tmp_path / "log" / "folds"
    folder.mkdir(parents=True)
    (folder.parent / "mlp.toml").write_text(EXPERIMENT)
    (folder / "first.toml").write_text(SEARCH)
    return folder / "first.toml"


@pytest.fixture
def start(search, tmp_path, monkeypatch):
    """Run so many trials, with the fingerprint that the data have; which settings were trained."""
    import cross_validate

    monkeypatch.setattr(cross_validate, "TUNING", tmp_path)

    def go(number, *, data="as ever", by_epoch=lambda epochs: [0.7 - 0.01 * epoch for epoch in range(epochs)]):
        trained = []

        def validate_fold(settings, folds, left_out, data):
            trained.append((settings.model_settings.dim, settings.training.epochs, left_out))
            return by_epoch(settings.training.epochs)

        monkeypatch.setattr(cross_validate, "validate_fold", validate_fold)
        monkeypatch.setattr(
            cross_validate, "encode_fold", lambda *words: SimpleNamespace(fingerprint=f"{data} {words[2]}")
        )
        cross_validate.run_trials(search, "mlp", number, None, Alone())
        return trained

    return go


def trials(tmp_path):
    return json.loads((tmp_path / "log-folds-first-mlp.json").read_text())["trials"]


def test_what_is_there_is_not_run_again_and_more_trials_are_added(start, tmp_path):
    assert [left_out for *_, left_out in start(3)] == [0, 1] * 3
    before = trials(tmp_path)
    assert start(3) == [] and trials(tmp_path) == before
    assert len(start(4)) == 2 and trials(tmp_path)[:3] == before
    assert before[1]["settings"]["dim"] == before[1]["asked"]["model"]["dim"] != before[0]["settings"]["dim"]
    assert before[0]["fingerprints"] == ["as ever 0", "as ever 1"]


def test_a_trial_that_still_rises_runs_longer_and_is_then_there(start, tmp_path):
    def rising(epochs):
        return [0.5 + 0.01 * epoch for epoch in range(epochs)]

    assert [epochs for _, epochs, _ in start(1, by_epoch=rising)] == [2, 2, 4, 4, 8, 8]
    assert start(1, by_epoch=rising) == []
    assert len(trials(tmp_path)[0]["by_epoch"]) == 8


@pytest.mark.parametrize(
    ("file", "old", "new", "first_other"),
    [
        ("folds/first.toml", "[2, 4, 8, 16, 32]", "[3, 5, 7, 9, 33]", 1),
        ("folds/first.toml", "seed = 0", "seed = 1", 1),
        ("folds/first.toml", "epochs = 2", "epochs = 3", 0),
        ("mlp.toml", "hidden = [8]", "hidden = [9]", 0),
        ("mlp.toml", "batch_size = 64", "batch_size = 65", 0),
        ("mlp.toml", 'recipe = "adult"', 'recipe = "adult"\ntrain_share = 0.5', 0),
    ],
)
def test_trials_of_another_search_or_experiment_are_kept_and_the_program_ends(
    start, search, tmp_path, file, old, new, first_other
):
    start(3)
    before, path = trials(tmp_path), search.parent.parent / file
    path.write_text(path.read_text().replace(old, new))
    told = (
        f"log-folds-first-mlp.json may only be added to by the same search, experiment and data; its trial "
        f"{first_other} is of others, or does not say of which. Move the file away to run all trials anew."
    )
    with pytest.raises(SystemExit, match=re.escape(told)):
        start(4)
    assert trials(tmp_path) == before


def test_trials_of_other_data_are_kept_and_the_program_ends(start, tmp_path):
    start(3)
    before = trials(tmp_path)
    with pytest.raises(SystemExit, match="its trial 0 is of others"):
        start(3, data="others")
    assert trials(tmp_path) == before


def test_published_trials_do_not_say_of_which_data_they_are_and_are_not_added_to(start, tmp_path):
    name = "log-folds-first-mlp.json"
    (tmp_path / name).write_text((ROOT / "results" / "tuning" / f"criteo-60k{name[3:]}").read_text())
    before = trials(tmp_path)
    with pytest.raises(SystemExit, match=r"does not say of which\. Move the file away"):
        start(16)
    assert trials(tmp_path) == before
