"""Tuning: each model gets the same number of trials, judged on validation rows; trial 0 is the settings as they stand.

What trial ``n`` tries follows from the trials before it and from a seed of its own, not from a state that would be lost
with the process: a study that was killed goes on to the very trials it would have made. The seed does not know the
model: while values are drawn at random, models that tune the same settings of the same data try the same values, and
none is better for luckier draws.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tamis.errors import ConfigError
from tamis.study.search import Choice

_RANDOM_TRIALS = 5  # trials before the first that learns from those before it; few trials are all random


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial: the ``values`` it tried under dotted names, and the validation ``value`` it reached, or why none.

    One that ``is_put_off`` never ran or was killed, for want of memory or disk at that moment.
    """

    number: int
    values: dict[str, Any]
    value: float | None = None
    best_epoch: int | None = None
    reason: str | None = None
    is_put_off: bool = False


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What all trials came to: which was chosen, the ``values`` it tried, and what it reached on validation."""

    trials: int
    failed_trials: tuple[dict[str, Any], ...]
    chosen_trial: int | None
    valid: float | None
    values: dict[str, Any]


def propose(
    search: Mapping[str, Choice], past: Sequence[Trial], *, seed: str, higher_is_better: bool = True
) -> dict[str, Any]:
    """The values that the next trial tries: drawn at random at first, later by the tree-structured Parzen estimator.

    Of two searches, what stands first in both and is the same is drawn alike from the same seed.

    Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization", as Optuna has it.

    Raises:
        ConfigError: Optuna is not installed.
    """
    if not past:
        return {}
    optuna = require_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ranges: dict[str, Any] = {name: _distribution(optuna, choice) for name, choice in search.items()}
    sampler = optuna.samplers.TPESampler(n_startup_trials=_RANDOM_TRIALS, seed=_seed(f"{seed} {len(past)}"))
    study = optuna.create_study(sampler=sampler, direction="maximize" if higher_is_better else "minimize")
    for trial in past:
        known = {name: _told(search[name], value) for name, value in trial.values.items()}
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.FAIL if trial.value is None else optuna.trial.TrialState.COMPLETE,
                value=trial.value,
                params=known,
                distributions={name: ranges[name] for name in known},
            )
        )
    asked = study.ask(ranges).params
    return {name: json.loads(asked[name]) if search[name].choices else asked[name] for name in search}


def require_optuna() -> Any:
    """The package, or one sentence how to get it.

    Raises:
        ConfigError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "tuning needs the package optuna, which is not there. Install it with "
            "`pip install -c constraints.txt 'tamis[tune]'`, or set trials = 0."
        ) from None
    return optuna


def choose(trials: Sequence[Trial], *, higher_is_better: bool = True) -> Trial | None:
    """The trial that was best on validation, the earliest of equals; None if all failed.

    Example:
        >>> choose([Trial(number=n, values={}, value=v) for n, v in enumerate([0.6, None, 0.7, 0.7])]).number
        2
    """
    finished = [trial for trial in trials if trial.value is not None]
    sign = 1 if higher_is_better else -1
    return max(finished, key=lambda trial: sign * (trial.value or 0.0), default=None)


def tuned_by(trials: Sequence[Trial], *, higher_is_better: bool = True) -> Tuned:
    """The trials in sum; without any, nothing was chosen and the settings stand as they are."""
    best = choose(trials, higher_is_better=higher_is_better)
    return Tuned(
        trials=len(trials),
        failed_trials=tuple({"trial": t.number, "reason": t.reason} for t in trials if t.value is None),
        chosen_trial=best and best.number,
        valid=best and best.value,
        values=best.values if best else {},
    )


def _distribution(optuna: Any, choice: Choice) -> Any:
    if choice.ends is not None:
        return optuna.distributions.FloatDistribution(*choice.ends, log=choice.log is not None)
    # As text: a choice may be a list, which Optuna does not take.
    return optuna.distributions.CategoricalDistribution([json.dumps(value) for value in choice.choices or ()])


def _told(choice: Choice, value: Any) -> Any:
    return json.dumps(value) if choice.choices else value


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
