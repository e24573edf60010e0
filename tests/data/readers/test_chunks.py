"""What every reader does alike."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.readers.chunks import choose_columns, first_rows, plain_columns, resize_chunks
from tamis.errors import DataError


@settings(deadline=None, max_examples=60)
@given(sizes=st.lists(st.integers(0, 7), max_size=8), rows=st.integers(1, 6))
def test_resizing_keeps_every_row_in_order_and_fills_every_chunk_but_the_last(sizes, rows):
    numbers = iter(range(sum(sizes)))
    frames = [pl.DataFrame({"x": [next(numbers) for _ in range(size)]}, schema={"x": pl.Int64}) for size in sizes]
    chunks = list(resize_chunks(frames, rows=rows))
    assert [x for chunk in chunks for x in chunk["x"]] == list(range(sum(sizes)))
    assert all(len(chunk) == rows for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= rows for chunk in chunks)


def test_the_first_rows_read_no_further_than_needed():
    def frames():
        yield pl.DataFrame({"x": [1, 2]})
        yield pl.DataFrame({"x": [3, 4]})
        raise AssertionError("read too far")

    assert first_rows(frames(), 3)["x"].to_list() == [1, 2, 3]


def test_a_wanted_column_that_is_missing_is_named_with_the_nearest():
    with pytest.raises(DataError, match=r"log: has no column 'itm'. Did you mean 'item'\?"):
        choose_columns("log", ["user", "item"], ["itm"])


def test_a_column_asked_for_twice_comes_once():
    assert choose_columns("log", ["user", "item"], ["item", "item"]) == ("item",)


def test_dictionary_columns_become_text():
    frame = pl.DataFrame({"x": ["a", None, "b"]}, schema={"x": pl.Categorical})
    assert plain_columns(frame).schema == {"x": pl.String}
    assert plain_columns(frame)["x"].to_list() == ["a", None, "b"]
