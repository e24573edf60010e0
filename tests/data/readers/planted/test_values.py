"""What fields hold: ids by Zipf's law, numbers in buckets, missing values, ids that come later."""

import numpy as np
import pytest

from tamis.data.readers.planted import ColdIds, PlantedField
from tamis.data.readers.planted.values import FieldValues, Span

ROWS = 100_000


def draw(seed=0, first=0, count=ROWS, **settings):
    field = PlantedField(**{"name": "x", **settings})
    return FieldValues(field).draw(Span(seed=seed, first=first, count=count, total=ROWS))


def test_ids_follow_the_law_of_the_field():
    counts = np.bincount(draw(size=20, exponent=1.5).codes, minlength=20)
    expected = np.arange(1, 21) ** -1.5
    expected *= ROWS / expected.sum()
    assert (((counts - expected) ** 2 / expected).sum() - 19) < 4 * np.sqrt(2 * 19)


def test_fields_and_seeds_draw_apart_and_equal_ones_alike():
    base = draw().codes
    assert np.array_equal(base, draw().codes)
    for other in (draw(name="y"), draw(seed=1)):
        assert abs(np.corrcoef(base, other.codes)[0, 1]) < 4 / np.sqrt(ROWS)


def test_numbers_are_exponential_and_their_rank_is_the_bucket():
    values = draw(kind="numeric", size=8)
    assert values.numbers is not None and values.numbers.min() >= 0
    assert values.numbers.mean() == pytest.approx(1, abs=4 / np.sqrt(ROWS))
    edges = -np.log1p(-np.arange(1, 8) / 8)  # the quantiles of the exponential distribution
    assert np.array_equal(values.codes, np.searchsorted(edges, values.numbers, side="right"))
    assert np.bincount(values.codes) == pytest.approx(np.full(8, ROWS / 8), rel=0.04)


@pytest.mark.parametrize("kind", ["categorical", "numeric"])
def test_the_share_that_is_missing_is_null_and_has_a_code_of_its_own(kind):
    values, whole = draw(kind=kind, missing=0.3), draw(kind=kind)
    column = values.column()
    is_null = column.is_null().to_numpy()
    assert is_null.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / ROWS))
    assert set(values.codes[is_null]) == {100}
    # Whether a value is missing has nothing to do with what it would have been.
    assert np.array_equal(values.codes[~is_null], whole.codes[~is_null])
    assert whole.codes[is_null].mean() == pytest.approx(whole.codes[~is_null].mean(), rel=0.05)
    assert column.drop_nulls().equals(whole.column().filter(~column.is_null()))


def test_cold_ids_occur_from_their_start_on_in_their_share_of_the_rows():
    codes = draw(size=50, exponent=1.0, cold=ColdIds(size=10, start=0.6, share=0.25)).codes
    is_cold, start = codes >= 50, int(0.6 * ROWS)
    assert not is_cold[:start].any() and is_cold[start:].mean() == pytest.approx(0.25, abs=0.01)
    counts = np.bincount(codes[is_cold] - 50, minlength=10)
    expected = 1 / np.arange(1, 11)
    expected *= is_cold.sum() / expected.sum()
    assert (((counts - expected) ** 2 / expected).sum() - 9) < 4 * np.sqrt(2 * 9)
    # The rows that hold no cold id are as they were without any.
    assert np.array_equal(codes[~is_cold], draw(size=50, exponent=1.0).codes[~is_cold])


def test_the_same_rows_come_out_of_the_middle():
    settings = {"missing": 0.2, "cold": ColdIds(size=10, start=0.1)}
    whole = draw(**settings).codes
    assert np.array_equal(draw(first=54_321, count=99, **settings).codes, whole[54_321:54_420])
