"""Sources made of other sources."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.readers.frame import FrameSource
from tamis.data.readers.joined import CarvedSource, JoinedSource
from tamis.data.readers.parquet import ParquetSource
from tamis.errors import DataError


def frame_source(start, stop):
    return FrameSource(pl.DataFrame({"row": range(start, stop)}))


def test_joined_sources_come_one_after_another(tmp_path):
    pl.DataFrame({"row": [2, 3]}).write_parquet(tmp_path / "b.parquet")
    joined = JoinedSource([frame_source(0, 2), ParquetSource(tmp_path / "b.parquet")], name="both")
    assert pl.concat(joined.chunks(["row"]))["row"].to_list() == [0, 1, 2, 3]
    assert joined.head(3)["row"].to_list() == [0, 1, 2]
    assert joined.files == (tmp_path / "b.parquet",)


def test_sources_with_other_columns_do_not_join():
    with pytest.raises(DataError, match=r"other: must have the same columns as frame, \['row'\]; got \['x'\]"):
        JoinedSource([frame_source(0, 2), FrameSource(pl.DataFrame({"x": [1]}), name="other")], name="both")


def test_nothing_cannot_be_joined():
    with pytest.raises(DataError, match="both: needs at least one source"):
        JoinedSource([], name="both")


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(1, 200), fraction=st.floats(0, 1), seed=st.integers(0, 99))
def test_share_and_rest_divide_the_rows_exactly(rows, fraction, seed):
    source = frame_source(0, rows)
    share, rest = (
        [x for c in CarvedSource(source, name="x", fraction=fraction, is_share=s, seed=seed).chunks() for x in c["row"]]
        for s in (True, False)
    )
    assert sorted(share + rest) == list(range(rows))
    assert share == sorted(share)


def test_the_share_is_about_as_large_as_asked():
    share = CarvedSource(frame_source(0, 20_000), name="x", fraction=0.1, is_share=True)
    assert sum(map(len, share.chunks())) == pytest.approx(2000, abs=150)
