"""libsvm and libfm against a parser that goes line by line."""

import gzip

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.data.readers import libsvm
from tamis.data.readers.libsvm import LibsvmSource
from tamis.errors import DataError


def by_lines(text):
    rows = []
    for line in text.splitlines():
        cells = line.partition("#")[0].split()
        if cells:
            pairs = [cell.split(":") for cell in cells[1:]]
            rows.append((float(cells[0]), [int(i) for i, _ in pairs], [float(x) for _, x in pairs]))
    return rows


def write(folder, text, name="log.libsvm"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


LISTS = "1 3:0.5 7:1\n0\n\n-1 2:1e-3   9:-4 11:2 # a comment: 3\n+1 5:1"


@pytest.mark.parametrize("name", ["log.libsvm", "log.libsvm.gz"])
def test_lists_are_what_lines_say(tmp_path, name):
    source = LibsvmSource(write(tmp_path, LISTS, name))
    assert source.columns == ("label", "features", "values")
    assert source.head(9).rows() == by_lines(LISTS)
    assert source.head(9).schema["label"] == pl.Int64


def test_a_fixed_number_of_features_of_value_one_becomes_fields(tmp_path):
    source = LibsvmSource(write(tmp_path, "-1 4:1 9:1\n1 5:1 8:1\n"))
    assert source.columns == ("label", "field_0", "field_1")
    assert source.head(2).rows() == [(-1, 4, 9), (1, 5, 8)]
    assert next(source.chunks(["field_1"])).rows() == [(9,), (8,)]


def test_labels_that_are_not_whole_stay_numbers(tmp_path):
    assert LibsvmSource(write(tmp_path, "0.25 1:1\n1 2:1\n")).head(2)["label"].to_list() == [0.25, 1.0]


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.integers(-1, 1), st.lists(st.tuples(st.integers(0, 2**40), st.floats(-1e6, 1e6)), max_size=5)),
        min_size=1,
        max_size=20,
    ),
    block=st.integers(1, 60),
)
def test_blocks_of_any_size_give_the_same_rows(tmp_path_factory, rows, block):
    text = "".join(f"{label} {' '.join(f'{i}:{x!r}' for i, x in pairs)}\n" for label, pairs in rows)
    path = write(tmp_path_factory.mktemp("libsvm"), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(libsvm, "_BLOCK_BYTES", block)
        assert pl.concat(LibsvmSource(path, as_lists=True).chunks()).rows() == by_lines(text)


def test_a_row_with_other_features_says_how_to_read_it(tmp_path, monkeypatch):
    path = write(tmp_path, "1 3:1 4:1\n" * 3 + "0 3:1\n")
    monkeypatch.setattr(libsvm, "_BLOCK_BYTES", 12)
    source = LibsvmSource(path)
    with pytest.raises(DataError, match=r"does not have 2 features of value 1.*as lists: as_lists=True"):
        list(source.chunks())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "1 qid:3 4:1\n",
            r"after row 0: 'qid' is not a number. A line must be `label index:value index:value ...`",
        ),
        ("1 3 4:1\n", r"a line is not `label index:value index:value ...`"),
        ("1 3: 4:1\n", r"a line is not `label index:value index:value ...`"),
        ("1 3.5:1\n", r"an index is not a whole number"),
        ("# nothing\n", r"has no rows"),
        ("", r"is empty \(0 bytes\)"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        LibsvmSource(write(tmp_path, text))


def test_a_gzip_file_that_is_cut_short_is_refused(tmp_path):
    text = "".join(f"1 {i}:1 {i * 7919 % 1000}:1\n" for i in range(20_000))
    data = gzip.compress(text.encode())
    (tmp_path / "log.libfm.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"the compressed file is cut short \(truncated\)"):
        list(LibsvmSource(tmp_path / "log.libfm.gz").chunks())
