"""Milliseconds of calls that are compared with each other."""

import time
from collections.abc import Callable, Mapping

import numpy as np


def milliseconds(
    calls: Mapping[str, Callable[[], object]], *, seconds: float = 2.0, most_rounds: int = 101
) -> dict[str, tuple[float, float, float]]:
    """The lower quartile, median and upper quartile of each call's time on this machine's processor.

    The calls take turns, so that what else the machine does meets all of them; two rounds before are a warm-up. There
    are as many rounds as fit into ``seconds``, at least five.

    Example:
        >>> low, median, high = milliseconds({"nothing": lambda: None}, seconds=0.01)["nothing"]
        >>> 0 <= low <= median <= high
        True
    """
    found: list[list[float]] = []
    started = time.perf_counter()
    while len(found) < 7 or (len(found) < most_rounds + 2 and time.perf_counter() - started < seconds):
        found.append([_once(call) for call in calls.values()])
    quartiles = np.quantile(found[2:], (0.25, 0.5, 0.75), axis=0)
    return {name: tuple(quartiles[:, column].tolist()) for column, name in enumerate(calls)}  # type: ignore[misc]


def _once(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started)
