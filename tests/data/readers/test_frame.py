"""Frames in memory."""

import pandas
import polars as pl
import pytest

from tamis.data.readers.frame import FrameSource, to_polars
from tamis.errors import DataError


def test_a_frame_comes_in_chunks_and_again():
    frame = pl.DataFrame({"row": range(70_000), "word": ["a"] * 70_000})
    source = FrameSource(frame)
    for _ in range(2):
        chunks = list(source.chunks(["word", "row"]))
        assert [len(chunk) for chunk in chunks] == [65_536, 70_000 - 65_536]
        assert pl.concat(chunks).equals(frame.select("word", "row"))
    assert source.files == ()


def test_nan_in_pandas_is_missing_and_in_polars_is_nan():
    numbers = [1.0, float("nan")]
    assert FrameSource(pandas.DataFrame({"x": numbers})).head(2)["x"].to_list() == [1.0, None]
    assert str(FrameSource(pl.DataFrame({"x": numbers})).head(2)["x"].to_list()[1]) == "nan"


def test_pandas_categories_and_missing_texts_come_as_text():
    frame = pandas.DataFrame({"x": pandas.Categorical(["b", None, "a"]), "y": ["u", None, "v"]})
    found = FrameSource(frame).head(3)
    assert found.schema == {"x": pl.String, "y": pl.String}
    assert found.rows() == [("b", "u"), (None, None), ("a", "v")]


def test_a_lazy_frame_is_collected():
    assert to_polars(pl.LazyFrame({"x": [1]})).rows() == [(1,)]


def test_what_is_no_frame_is_refused():
    with pytest.raises(DataError, match="a frame must be a polars or pandas DataFrame; got dict"):
        FrameSource({"x": [1]})


def test_a_frame_without_rows_is_refused():
    with pytest.raises(DataError, match="frame: has no rows"):
        FrameSource(pl.DataFrame({"x": []}))


def test_pandas_column_names_must_be_text():
    with pytest.raises(DataError, match=r"column names that are text; got 0. Rename: frame.columns"):
        FrameSource(pandas.DataFrame([[1, 2]]))
