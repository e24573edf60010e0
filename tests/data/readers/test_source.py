"""How a format is found."""

import gzip

import polars as pl
import pytest

from tamis.data.readers.source import open_source
from tamis.errors import ConfigError, DataError

CRITEO = "\t".join(["1", *["2"] * 13, *["ab"] * 26]) + "\n"
AVAZU = ",".join(["77", "1", "14102100", *["5"] * 21]) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "format", "columns"),
    [
        ("log.csv", "user,click\nann,1\n", None, ("user", "click")),
        ("LOG.CSV", "user,click\nann,1\n", None, ("user", "click")),
        ("log.tsv", "user\tclick\nann\t1\n", None, ("user", "click")),
        # mtime=0: these bytes are part of the test's name, which every worker must collect alike.
        ("log.2024.csv.gz", gzip.compress(b"user,click\nann,1\n", mtime=0), None, ("user", "click")),
        ("log.libfm", "1 2:1 3:1\n", None, ("label", "field_0", "field_1")),
        ("log.svm", "1 2:0.5\n", None, ("label", "features", "values")),
        (
            "train.txt",
            CRITEO,
            "criteo",
            ("label", *[f"I{i + 1}" for i in range(13)], *[f"C{i + 1}" for i in range(26)]),
        ),
    ],
)
def test_the_extension_tells_the_format_unless_it_is_named(tmp_path, name, content, format, columns):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = open_source(path, format=format)
    assert source.columns == columns
    assert source.name == name
    assert source.files == (path,)
    assert len(source.head(5)) == 1


def test_avazu_and_parquet_are_found(tmp_path):
    (tmp_path / "train.csv").write_text(AVAZU)
    assert open_source(tmp_path / "train.csv", format="avazu").columns[-1] == "weekday"
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "x.parquet")
    assert open_source(tmp_path / "x.parquet").columns == ("x",)
    assert open_source(tmp_path).columns == ("x",)


def test_options_reach_their_reader(tmp_path):
    (tmp_path / "log.csv").write_text("1;2\n3;4\n")
    source = open_source(tmp_path / "log.csv", separator=";", names=["a", "b"], types={"b": "text"})
    assert source.head(2).rows() == [(1, "2"), (3, "4")]
    (tmp_path / "log.libfm").write_text("1 2:1\n")
    assert open_source(tmp_path / "log.libfm", as_lists=True).columns == ("label", "features", "values")


def test_an_option_of_another_format_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="as_lists is an option of libsvm, not of csv. Remove it."):
        open_source(tmp_path / "log.csv", as_lists=True)


def test_an_unknown_format_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match=r"no format is called 'parket'. Did you mean 'parquet'\?"):
        open_source(tmp_path / "log", format="parket")


def test_an_unknown_extension_is_answered_with_the_nearest_and_all_formats(tmp_path):
    (tmp_path / "log.cvs").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"from the extension '.cvs'. Did you mean '.csv'\? Or name the format, one of"):
        open_source(tmp_path / "log.cvs")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"log.csv: no such file. Check the path."):
        open_source(tmp_path / "log.csv")


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    with pytest.raises(DataError, match="the folder holds neither .parquet files nor MovieLens"):
        open_source(tmp_path)
