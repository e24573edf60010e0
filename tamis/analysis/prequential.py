"""Rates that are learned row by row, each row judged by the rows before it: what counting can know of the next click.

As every row is judged before it is counted, memory earns nothing, and what is learned from nothing costs something.

Source: prequential statistics (Dawid 1984) of Laplace's rule of succession.
"""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

FIELD_STRENGTH, PAIR_STRENGTH = 20.0, 200.0
"""How many rows a prior counts as: pairs have many more values, of which most are seen a few times only."""


def unlikely_beyond(chance: float) -> float:
    """The number beyond which a standard normal one lies with ``chance``.

    Example:
        >>> round(unlikely_beyond(0.05), 3)
        1.645
    """
    return -NormalDist().inv_cdf(chance)


def overall_rates(clicks: np.ndarray) -> np.ndarray:
    """For each row the share of clicks among all rows before it, beside two that were half clicked."""
    return rates_before(np.zeros(len(clicks), dtype=np.int64), clicks, np.full(len(clicks), 0.5), strength=2.0)


def rates_before(groups: np.ndarray, clicks: np.ndarray, priors: np.ndarray, *, strength: float) -> np.ndarray:
    """For each row the share of clicks among the rows before it in its group, its prior counting as ``strength`` rows.

    Shape:
        - groups, clicks, priors, output: ``(rows,)``

    Example:
        >>> rates_before(np.array([7, 7, 5, 7]), np.array([1.0, 0.0, 1.0, 0.0]), np.full(4, 0.5), strength=2.0).tolist()
        [0.5, 0.6666666666666666, 0.5, 0.5]
    """
    order = np.argsort(groups, kind="stable")
    sorted_groups, sorted_clicks = groups[order], clicks[order]
    places = np.arange(len(groups))
    is_first = np.diff(sorted_groups, prepend=sorted_groups[:1] - 1) != 0
    first = np.maximum.accumulate(np.where(is_first, places, 0))
    clicks_before = np.cumsum(sorted_clicks) - sorted_clicks
    rates = np.empty(len(groups))
    rates[order] = (clicks_before - clicks_before[first] + strength * priors[order]) / (places - first + strength)
    return rates


def together(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A number for each pair of values."""
    return one.astype(np.int64) * (int(other.max()) + 1) + other


def log_loss(chances: np.ndarray, clicks: np.ndarray) -> np.ndarray:
    """How unlikely each row's label is by its chance, in nats."""
    return -np.log(np.where(clicks > 0, chances, 1.0 - chances))


def logit(chances: np.ndarray) -> np.ndarray:
    """The logarithm of the odds."""
    return np.log(chances) - np.log1p(-chances)


def logistic(logits: np.ndarray) -> np.ndarray:
    """The chance of which the logarithm of the odds is given."""
    return np.exp(-np.logaddexp(0.0, -logits))


def check_columns(columns: Mapping[str, np.ndarray], labels: np.ndarray) -> None:
    """Refuse columns that cannot be counted.

    Raises:
        ValueError: a column has another length than the labels, or a negative number.
    """
    for name, values in columns.items():
        if len(values) != len(labels):
            raise ValueError(f"{name} must have a value for each of {len(labels):,} labels; got {len(values):,}.")
        if len(values) and values.min() < 0:
            raise ValueError(f"{name} must be whole numbers from 0 on; got {values.min()}.")
