"""CSV and TSV against Python's own csv module, and what can be wrong with them."""

import csv
import gzip

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.readers import csv as csv_reader
from tamis.data.readers.csv import CsvSource, infer_type
from tamis.errors import ConfigError, DataError

TEXT = (
    "user,zip,clicks,price,note,when\n"
    'ann,01234,3,0.5,"one, two",2014-10-21 05:00:00\n'
    'bob,,,,"said ""no""",\n'
    'cy,99999,-7,1e3,"two\nlines",2014-10-22\n'
    ",00000,0,12,,2014-10-23T23:59:59.5\n"
)


def cells_by_python(text, separator=","):
    """Every cell as text, None where it is empty."""
    rows = list(csv.DictReader(text.splitlines(keepends=True), delimiter=separator))
    return [{name: cell or None for name, cell in row.items()} for row in rows]


def write(folder, text, name="log.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_cells_are_what_python_reads(tmp_path):
    source = CsvSource(write(tmp_path, TEXT))
    rows = source.head(10).to_dicts()
    for ours, cells in zip(rows, cells_by_python(TEXT), strict=True):
        for name in ("user", "zip", "note"):
            assert ours[name] == cells[name]
        assert ours["clicks"] == (None if cells["clicks"] is None else int(cells["clicks"]))
        assert ours["price"] == (None if cells["price"] is None else float(cells["price"]))
        assert (ours["when"] is None) == (cells["when"] is None)
    assert source.types == {
        **{
            "user": "text",
            "zip": "text",
            "clicks": "whole",
            "price": "number",
            "note": "text",
            "when": "time",
        }
    }
    assert str(rows[3]["when"]) == "2014-10-23 23:59:59.500000"


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_compression_and_separator_are_found(tmp_path, ending, separator):
    text = TEXT.replace("one, two", "one two").replace(",", separator)
    data = text.encode()
    if ending == ".gz":
        data = gzip.compress(data)
    elif ending == ".zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(text.encode())
        data = sink.getvalue().to_pybytes()
    source = CsvSource(write(tmp_path, data, f"log.csv{ending}"))
    assert source.head(9)["zip"].to_list() == [row["zip"] for row in cells_by_python(text, separator)]


def test_reading_again_gives_the_same_rows_and_chosen_columns_come_in_the_order_asked(tmp_path):
    source = CsvSource(write(tmp_path, TEXT))
    first, second = (pl.concat(source.chunks(["price", "user"])) for _ in range(2))
    assert first.equals(second)
    assert first.columns == ["price", "user"]


def test_a_file_of_many_blocks_comes_in_chunks_of_one_size(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 1 << 12)
    rows = 150_000
    path = write(tmp_path, "row,half\n" + "".join(f"{i},{i / 2}\n" for i in range(rows)))
    chunks = list(CsvSource(path).chunks())
    assert [len(chunk) for chunk in chunks] == [65_536, 65_536, rows - 2 * 65_536]
    assert pl.concat(chunks)["row"].to_list() == list(range(rows))


def test_a_file_without_a_header_takes_names(tmp_path):
    source = CsvSource(write(tmp_path, "1\tx\n2\t\n"), names=["id", "word"])
    assert source.head(5).rows() == [(1, "x"), (2, None)]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    assert CsvSource(write(tmp_path, b"\xef\xbb\xbfuser,click\nann,1\n")).columns == ("user", "click")


def test_windows_line_ends_are_no_part_of_the_last_cell(tmp_path):
    source = CsvSource(write(tmp_path, b"user,click\r\nann,x\r\n"))
    assert source.columns == ("user", "click")
    assert source.head(1).rows() == [("ann", "x")]


def test_other_words_for_missing_can_be_given(tmp_path):
    path = write(tmp_path, "user,age\nNA,31\nbob,NA\n")
    assert CsvSource(path, missing=("", "NA")).head(2).rows() == [(None, 31), ("bob", None)]
    assert CsvSource(path).head(2).rows() == [("NA", "31"), ("bob", "NA")]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["0", "-12", None], "whole"),
        (["123456789012345678"], "whole"),
        # One digit more may not fit into 64 bits, and an id must come back as it was.
        (["1234567890123456789"], "text"),
        (["01"], "text"),
        (["-01.5"], "text"),
        (["1.5", "2"], "number"),
        ([".5", "1e-3", "nan", "-inf"], "number"),
        (["nan"], "text"),
        (["2014-10-21"], "time"),
        (["2014-10-21 05:00"], "time"),
        (["2014-10-21", "soon"], "text"),
        (["1", "x"], "text"),
        ([None], "text"),
    ],
)
def test_the_type_of_a_column_is_the_narrowest_that_loses_nothing(texts, expected):
    assert infer_type(pl.Series(texts, dtype=pl.String)) == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.integers(-(10**17), 10**17)), min_size=1, max_size=8))
def test_whole_numbers_come_back_unchanged(tmp_path_factory, numbers):
    text = "x,y\n" + "".join(f"{'' if x is None else x},1\n" for x in numbers)
    source = CsvSource(write(tmp_path_factory.mktemp("csv"), text))
    found = source.head(99)["x"].to_list()
    assert [None if x is None else int(x) for x in found] == numbers


def test_a_text_after_whole_numbers_says_how_to_choose_the_type(tmp_path):
    path = write(tmp_path, "item,click\n1,0\n2,0\nB07,1\n")
    source = CsvSource(path, infer_rows=2)
    with pytest.raises(DataError, match=r"column 'item' holds 'B07', but it is read as whole numbers like the rows"):
        list(source.chunks())
    with pytest.raises(DataError, match=r'Choose its type: types=\{"item": "text"\}'):
        list(source.chunks())
    assert CsvSource(path, infer_rows=2, types={"item": "text"}).head(3)["item"].to_list() == [
        "1",
        "2",
        "B07",
    ]


def test_the_right_column_is_named_when_only_some_are_read(tmp_path):
    source = CsvSource(write(tmp_path, "a,b,c\nx,1,5\ny,oops,6\n"), infer_rows=1)
    with pytest.raises(DataError, match="column 'b' holds 'oops'"):
        list(source.chunks(["c", "b"]))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: no such file. Check the path."):
        CsvSource(tmp_path / "none.csv")


def test_an_empty_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"log.csv: is empty \(0 bytes\)."):
        CsvSource(write(tmp_path, ""))


def test_a_gzip_file_of_nothing_has_no_rows(tmp_path):
    with pytest.raises(DataError, match=r"log.csv.gz: its content is empty \(0 bytes\)."):
        CsvSource(write(tmp_path, gzip.compress(b""), "log.csv.gz"))


@pytest.mark.parametrize("text", ["user,click\n", "user,click"])
def test_a_header_alone_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"log.csv: has a header but no rows. Get or write the file again."):
        CsvSource(write(tmp_path, text))


def test_a_gzip_file_that_is_cut_short_is_refused(tmp_path):
    data = gzip.compress("".join(f"{i},{i * 7919 % 1000}\n" for i in range(50_000)).encode())
    path = write(tmp_path, data[: len(data) // 2], "log.csv.gz")
    with pytest.raises(DataError, match=r"log.csv.gz: the compressed file is cut short \(truncated\)."):
        list(CsvSource(path, names=["row", "number"]).chunks())


def test_a_file_that_begins_with_an_empty_line_has_no_names(tmp_path):
    with pytest.raises(DataError, match="log.csv: must begin with a line of column names; got b''"):
        CsvSource(write(tmp_path, "\nuser,click\nann,1\n"))


def test_a_row_with_too_few_cells_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a row has 1 cells where 2 are expected. Mend the row, or check the sep"):
        CsvSource(write(tmp_path, "user,click\nann,1\nbob\n"))


def test_a_name_that_appears_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match="the column name 'user' appears twice"):
        CsvSource(write(tmp_path, "user,user\nann,1\n"))


def test_a_type_for_a_column_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no column 'usr'. Did you mean 'user'\?"):
        CsvSource(write(tmp_path, "user,click\nann,1\n"), types={"usr": "text"})


def test_text_that_is_not_utf_8_asks_for_its_encoding(tmp_path):
    path = write(tmp_path, "user,click\nRené,1\n".encode("latin-1"))
    with pytest.raises(DataError, match='the text is not UTF-8. Name its encoding, for example encoding="latin-1"'):
        CsvSource(path)
    assert CsvSource(path, encoding="latin-1").head(1)["user"].to_list() == ["René"]


def test_an_unknown_type_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"column 'user' must be one of \['text', 'whole', .*; got 'int'"):
        CsvSource(write(tmp_path, "user,click\n7,1\n"), types={"user": "int"})


def test_a_separator_of_two_characters_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"the separator must be one character \(ASCII\); got '::'"):
        CsvSource(write(tmp_path, "1::2\n"), separator="::")
