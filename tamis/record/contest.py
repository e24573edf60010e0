"""What the verdicts of a contest say when they are read: of a model, of a pair, and of how much it could have told."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tamis.errors import DataError

_TURNED_ROUND = {
    **{"one": "other", "other": "one", "low": "high", "high": "low"},
    **{"bootstrap_low": "bootstrap_high", "bootstrap_high": "bootstrap_low"},
}
_NEGATED = {"difference", "low", "high", "bootstrap_low", "bootstrap_high"}
_OPPOSITE = {"better": "worse", "worse": "better"}


def is_ssr(line: Mapping[str, Any]) -> bool:
    """Whether a line of a ranking is a model of the SSR family.

    Example:
        >>> is_ssr({"name": "ssr_s", "label": "ours"}), is_ssr({"name": "mlp", "label": "ssr_like"})
        (True, False)
    """
    return line["name"].startswith("ssr")


def pair_test(tests: Sequence[Mapping[str, Any]], one: str, other: str) -> dict[str, Any]:
    """What the tests say of ``one`` beside ``other``, whichever of them a test names first: each pair is held once.

    Signs, ends of intervals and the verdict are those of ``one``; what has no side, as a p-value, stays as it is.

    Raises:
        DataError: no test is of these two.

    Example:
        >>> test = {"one": "fm", "other": "mlp", "difference": 0.01, "low": 0.0, "high": 0.03, "verdict": "better"}
        >>> pair_test([test], "mlp", "fm")
        {'one': 'mlp', 'other': 'fm', 'difference': -0.01, 'low': -0.03, 'high': 0.0, 'verdict': 'worse'}
    """
    for test in tests:
        if (test["one"], test["other"]) == (one, other):
            return dict(test)
        if (test["one"], test["other"]) == (other, one):
            return {key: _seen_from_the_other(key, test[_TURNED_ROUND.get(key, key)]) for key in test}
    known = sorted({test[side] for test in tests for side in ("one", "other")})
    raise DataError(
        f"{one!r} beside {other!r}: a test needs two models that ran in this contest, which are {known}. "
        "Ask for two of them."
    )


def resolution(contest: Mapping[str, Any]) -> float | None:
    """The measured difference in AUC from which on half of the models would be told apart from the best.

    None with one seed each, where nothing is told. References from outside are left out. *Not told apart from the
    first* says little where this is large.

    Example:
        >>> ranking = [{"model": name, "outside": False, "auc": 0.7, "against_best": "best"} for name in ("fm", "mlp")]
        >>> test = {"one": "fm", "other": "mlp", "told_from": 0.004}
        >>> resolution({"ranking": [ranking[0], ranking[1] | {"against_best": "not told apart"}], "tests": [test]})
        0.004
    """
    best = next(line["model"] for line in contest["ranking"] if line["against_best"] == "best")
    others = [line["model"] for line in contest["ranking"] if not line["outside"] and line["auc"] is not None]
    asked = [pair_test(contest["tests"], model, best)["told_from"] for model in others if model != best]
    known = [least for least in asked if least is not None]
    return statistics.median(known) if known else None


def _seen_from_the_other(key: str, value: Any) -> Any:
    if key in _NEGATED:
        return 0.0 - value  # and not -value: a difference of nothing has no sign
    return _OPPOSITE.get(value, value) if key == "verdict" else value
