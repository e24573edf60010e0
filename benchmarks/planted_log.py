"""A made-up log of 39 id fields whose labels follow a planted rule: 13 bucketed counts and 26 Zipf categories.

The rule has an effect of every value of every field and products of hidden vectors for some pairs of fields, so
that a model which crosses fields scores better than one which does not. The same number of rows and seed always give
the same arrays.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from criteo_shaped import CARDINALITIES, zipf_ranks

COUNT_BUCKETS = 60
SIZES = (*(COUNT_BUCKETS,) * 13, *CARDINALITIES)
"""The ids of each field run from 0 to its size less one: 39 fields, about 509 thousand ids."""

NAMES = (*(f"I{i + 1}" for i in range(13)), *(f"C{i + 1}" for i in range(26)))
EFFECT_SCALE = 0.3
PAIR_SCALE = 0.3
PAIR_DIM = 4
PAIR_SIZE_LIMIT = 6_000
"""Only fields with fewer values take part in pairs: of rarer values no model could learn a vector."""


@dataclass(frozen=True, kw_only=True)
class PlantedLog:
    """Encoded rows with the chances behind their labels.

    Shape:
        - ids: ``(rows, 39)`` int32
        - labels, chances: ``(rows,)`` float32
    """

    ids: np.ndarray
    labels: np.ndarray
    chances: np.ndarray


def make_planted_log(rows: int, *, seed: int = 0) -> PlantedLog:
    """Draw ``rows`` rows.

    Example:
        >>> log = make_planted_log(1000)
        >>> log.ids.shape, 0.1 < float(log.labels.mean()) < 0.5
        ((1000, 39), True)
    """
    random = np.random.default_rng([seed, 1])
    ids = np.empty((rows, len(SIZES)), dtype=np.int32)
    for i, size in enumerate(SIZES):
        ids[:, i] = _count_buckets(random, rows) if i < 13 else zipf_ranks(random, rows, size)
    chances = 1 / (1 + np.exp(-planted_logits(ids, seed=seed)))
    labels = random.random(rows) < chances
    return PlantedLog(ids=ids, labels=labels.astype(np.float32), chances=chances.astype(np.float32))


def planted_logits(ids: np.ndarray, *, seed: int, with_pairs: bool = True) -> np.ndarray:
    """The rule: what decides the labels of rows with these ids; without pairs only the effects of single values."""
    world = np.random.default_rng([seed, 2])
    logits = np.full(len(ids), -1.6)
    for i, size in enumerate(SIZES):
        logits += world.normal(scale=EFFECT_SCALE, size=size)[ids[:, i]]
    vectors = {i: world.normal(size=(size, PAIR_DIM)) for i, size in enumerate(SIZES) if 10 <= size < PAIR_SIZE_LIMIT}
    if with_pairs:
        for left, right in list(pairwise(vectors))[::2]:
            products = (vectors[left][ids[:, left]] * vectors[right][ids[:, right]]).sum(axis=1)
            logits += PAIR_SCALE / np.sqrt(PAIR_DIM) * products
    return logits


def _count_buckets(random: np.random.Generator, rows: int) -> np.ndarray:
    """Skewed counts in steps of their squared logarithm, as Criteo's counts are often bucketed."""
    counts = random.lognormal(mean=1.5, sigma=1.4, size=rows)
    return np.minimum(np.log1p(counts) ** 2, COUNT_BUCKETS - 1).astype(np.int32)
