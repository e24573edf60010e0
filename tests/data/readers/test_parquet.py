"""Parquet files and folders of them."""

import polars as pl
import pytest

from tamis.data.readers.parquet import ParquetSource
from tamis.errors import DataError


def write(path, rows, **columns):
    frame = pl.DataFrame({"row": range(rows), **columns})
    frame.write_parquet(path, row_group_size=1000)
    return frame


def test_rows_come_in_file_order_and_can_be_read_again(tmp_path):
    frame = write(tmp_path / "log.parquet", 100_000, half=[i / 2 for i in range(100_000)])
    source = ParquetSource(tmp_path / "log.parquet")
    for _ in range(2):
        chunks = list(source.chunks())
        assert [len(chunk) for chunk in chunks] == [65_536, 100_000 - 65_536]
        assert pl.concat(chunks).equals(frame)
    assert (source.rows, source.columns) == (100_000, ("row", "half"))


def test_chosen_columns_come_in_the_order_asked(tmp_path):
    write(tmp_path / "log.parquet", 3, word=["a", None, "b"])
    chunk = next(ParquetSource(tmp_path / "log.parquet").chunks(["word", "row"]))
    assert chunk.rows() == [("a", 0), (None, 1), ("b", 2)]


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for part in (2, 0, 1):
        pl.DataFrame({"part": [part] * 2}).write_parquet(tmp_path / f"part-{part}.parquet")
    source = ParquetSource(tmp_path)
    assert pl.concat(source.chunks())["part"].to_list() == [0, 0, 1, 1, 2, 2]
    assert [file.name for file in source.files] == [f"part-{part}.parquet" for part in range(3)]


def test_a_dictionary_column_comes_as_text(tmp_path):
    pl.DataFrame({"x": ["b", "a"]}, schema={"x": pl.Categorical}).write_parquet(tmp_path / "log.parquet")
    assert ParquetSource(tmp_path / "log.parquet").head(2).schema == {"x": pl.String}


def test_parts_with_other_columns_are_refused(tmp_path):
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "0.parquet")
    pl.DataFrame({"b": [1]}).write_parquet(tmp_path / "1.parquet")
    with pytest.raises(DataError, match=r"1.parquet: must have the same columns as 0.parquet, \['a'\]; got \['b'\]"):
        ParquetSource(tmp_path)


def test_a_file_without_rows_is_refused(tmp_path):
    pl.DataFrame({"a": []}).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(DataError, match="log.parquet: has columns but no rows"):
        ParquetSource(tmp_path / "log.parquet")


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    (tmp_path / "log.parquet").write_text("user,click\n")
    with pytest.raises(DataError, match=r"log.parquet: is not a whole Parquet file \(.*\). Get it again."):
        ParquetSource(tmp_path / "log.parquet")


def test_damage_in_the_middle_is_found(tmp_path):
    write(tmp_path / "log.parquet", 50_000, half=[i * 7919 % 997 / 3 for i in range(50_000)])
    data = bytearray((tmp_path / "log.parquet").read_bytes())
    data[1000:60_000] = b"\xff" * 59_000
    (tmp_path / "log.parquet").write_bytes(data)
    with pytest.raises(DataError, match=r"log.parquet: is damaged \(.*\). Get it again."):
        list(ParquetSource(tmp_path / "log.parquet").chunks())


def test_a_folder_without_parquet_is_refused(tmp_path):
    with pytest.raises(DataError, match="the folder holds no .parquet file"):
        ParquetSource(tmp_path)
