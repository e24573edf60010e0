"""What is tried next, and what is chosen."""

import builtins
import math

import pytest

from tamis.errors import ConfigError
from tamis.study.search import Choice
from tamis.study.tuning import Trial, choose, propose

SEARCH = {
    "training.dense.learning_rate": Choice(log=(1e-4, 1e-1)),
    "model.hidden": Choice(choices=([8], [8, 4])),
    "model.dropout": Choice(range=(0.0, 0.5)),
}


def tuned(search, value_of, *, trials, seed="study"):
    past = []
    for number in range(trials):
        values = propose(search, past, seed=seed)
        past.append(Trial(number=number, values=values, value=value_of(values)))
    return past


def test_the_first_trial_is_the_settings_as_they_stand():
    assert propose(SEARCH, [], seed="any") == {}


def test_every_value_is_one_of_those_that_were_offered():
    for trial in tuned(SEARCH, lambda values: 0.5, trials=12)[1:]:
        assert 1e-4 <= trial.values["training.dense.learning_rate"] <= 1e-1
        assert trial.values["model.hidden"] in ([8], [8, 4])
        assert 0.0 <= trial.values["model.dropout"] <= 0.5


def test_what_comes_next_follows_from_the_trials_before_and_the_seed_alone():
    past = tuned(SEARCH, lambda values: len(values) / 10, trials=8)
    again = [propose(SEARCH, past[:number], seed="study") for number in range(8)]
    assert again == [trial.values for trial in past]
    assert propose(SEARCH, past[:3], seed="another") != past[3].values


def test_searches_that_begin_alike_draw_alike():
    """So that variants of one model differ in what was changed, and not in the luck of their draws."""
    past = [Trial(number=0, values={}, value=0.5)]
    common, other = dict(list(SEARCH.items())[:2]), {"model.views": Choice(choices=([2], [4]))}
    searches = [{**common, **rest} for rest in ({}, other, SEARCH)]
    drawn = [propose(search, past, seed="study data") for search in searches]
    assert all({name: values[name] for name in common} == drawn[0] for values in drawn)


def test_it_finds_a_better_learning_rate_than_chance_does():
    """The best is at 1e-2; after five trials by chance the others gather around it."""
    search = {"training.dense.learning_rate": Choice(log=(1e-6, 1.0))}

    def value(values):
        return -abs(math.log10(values.get("training.dense.learning_rate", 1e-6)) + 2)

    trials = tuned(search, value, trials=30)
    late = sorted(-trial.value for trial in trials[15:])
    by_chance = 1.67  # the mean distance of an even draw over six decades from a third of their length
    assert late[len(late) // 2] < by_chance / 2


def test_where_lower_is_better_it_goes_down():
    past = [Trial(number=n, values={"model.dropout": v}, value=v) for n, v in enumerate([0.05, 0.1, 0.3, 0.4] * 6)]
    search = {"model.dropout": Choice(range=(0.0, 0.5))}
    down = propose(search, past, seed="s", higher_is_better=False)["model.dropout"]
    assert down < 0.2 < propose(search, past, seed="s")["model.dropout"]


def test_a_failed_trial_counts_and_is_never_chosen():
    past = [Trial(number=0, values={}, reason="it failed"), *tuned(SEARCH, lambda values: 0.5, trials=1)]
    assert set(propose(SEARCH, past, seed="s")) == set(SEARCH)
    assert choose(past[:1]) is None
    trials = [Trial(number=n, values={}, value=value) for n, value in enumerate([0.6, None, 0.7, 0.7])]
    assert choose(trials).number == 2
    assert choose(trials, higher_is_better=False).number == 0


def test_without_optuna_the_way_to_it_is_said(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(
        ConfigError, match=r"needs the package optuna.*`pip install -c constraints.txt 'tamis\[tune\]'`"
    ):
        propose(SEARCH, [Trial(number=0, values={}, value=0.5)], seed="s")
