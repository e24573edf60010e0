"""Criteo's raw log."""

import pytest

from tamis.data.readers.criteo import CATEGORIES, INTEGERS, CriteoSource
from tamis.errors import DataError

ROWS = [
    ["1", *[str(i - 2) for i in range(13)], *[f"{i:08x}" for i in range(26)]],
    ["0", *["" for _ in range(13)], *["" for _ in range(25)], "0000000a"],
    ["0", *["5" if i % 2 else "" for i in range(13)], *["68fd1e64" if i % 3 else "" for i in range(26)]],
]


def write(folder, rows):
    path = folder / "train.txt"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def test_cells_are_numbers_texts_and_missing(tmp_path):
    source = CriteoSource(write(tmp_path, ROWS))
    expected = [
        (*[int(cell) if cell else None for cell in row[:14]], *[cell or None for cell in row[14:]]) for row in ROWS
    ]
    assert source.columns == ("label", *INTEGERS, *CATEGORIES)
    assert source.head(9).rows() == expected
    # A hexadecimal text of digits alone stays the text it is.
    assert source.head(1)["C1"].to_list() == ["00000000"]


def test_a_file_without_labels_has_no_label_column(tmp_path):
    source = CriteoSource(write(tmp_path, [row[1:] for row in ROWS]))
    assert "label" not in source.columns
    assert source.head(1)["I1"].to_list() == [-2]


def test_another_number_of_cells_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has 40 cells \(39 without the label\) between tabs; got 3"):
        CriteoSource(write(tmp_path, [["1", "2", "3"]]))


def test_a_short_row_later_on_is_refused(tmp_path):
    with pytest.raises(DataError, match="a row has 2 cells where 40 are expected"):
        list(CriteoSource(write(tmp_path, [ROWS[0], ["1", "2"]])).chunks())
