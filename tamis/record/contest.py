"""The test of two models among those of a contest, which holds each pair once."""

from collections.abc import Mapping, Sequence
from typing import Any

_TURNED_ROUND = {
    **{"one": "other", "other": "one", "low": "high", "high": "low"},
    **{"bootstrap_low": "bootstrap_high", "bootstrap_high": "bootstrap_low"},
}
_NEGATED = {"difference", "low", "high", "bootstrap_low", "bootstrap_high"}
_OPPOSITE = {"better": "worse", "worse": "better"}


def pair_test(tests: Sequence[Mapping[str, Any]], one: str, other: str) -> dict[str, Any]:
    """What the tests say of ``one`` beside ``other``, whichever of them a test names first.

    Signs, ends of intervals and the verdict are those of ``one``; what has no side, as a p-value, stays as it is.

    Raises:
        KeyError: no test is of these two.

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
    raise KeyError((one, other))


def _seen_from_the_other(key: str, value: Any) -> Any:
    if key in _NEGATED:
        return 0.0 - value  # and not -value: a difference of nothing has no sign
    return _OPPOSITE.get(value, value) if key == "verdict" else value
