"""Where MovieLens is looked for, in which order, and what is said when it is nowhere; without a network."""

import gzip
import hashlib
import http.server
import io
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from tamis.data.recipes import RECIPES, fetch, movielens
from tamis.data.recipes.checksums import content_sha256
from tamis.data.recipes.fetch import download_package, download_zip, first_answer
from tamis.errors import DataError

FILES = {
    "ml-100k.user": (
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t24\tM\tother\t01234\n"
    ),
    "ml-100k.item": (
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n7\tToy\t1995\tDrama\n"
    ),
    "ml-100k.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t5\t881250949\n",
}
RAW = {
    "u.user": "1|24|M|other|01234\n",
    "u.item": "7|Toy (1995)|||u|" + "|".join("0" * 19) + "\n",
    "u.data": "1\t7\t5\t8\n",
}
CHECKSUMS = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES.items()}


def zip_bytes(files, folder):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{folder}/{name}", text)
        archive.writestr(f"{folder}/__init__.py", "raise SystemExit('a fetched package was run')")
    return memory.getvalue()


@pytest.fixture
def publisher(tmp_path):
    """A publisher on this machine; gives its address and the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def recipe(monkeypatch, publisher):
    """The recipe with small files, a publisher nearby, a pip that never answers, and what it was asked."""
    address, served = publisher
    asked = []

    def pip(command, **options):
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no network\nnoise")

    archive = zip_bytes(RAW, "ml-100k")
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in RAW.items()}
    sums["ml-100k.zip"] = hashlib.sha256(archive).hexdigest()
    monkeypatch.setattr(movielens, "_PUBLISHER", address)
    monkeypatch.setattr(movielens, "_100K_CHECKSUMS", {**CHECKSUMS, **sums})
    monkeypatch.setattr(fetch.subprocess, "run", pip)
    return RECIPES["movielens-100k"], archive, served, asked


def write(folder, files):
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_the_named_folder_comes_first(recipe, tmp_path):
    data, archive, served, asked = recipe
    (served / "ml-100k.zip").write_bytes(archive)
    write(tmp_path / "cache" / "movielens-100k", RAW)
    said = []
    source = data.open(from_folder=write(tmp_path / "mine", FILES), cache=tmp_path / "cache", report=said.append)
    assert [file.name for file in source.files] == ["ml-100k.inter", "ml-100k.user", "ml-100k.item"]
    assert said[0].startswith("movielens-100k: taken from the folder that was named (")
    assert asked == []


def test_a_zipped_file_in_the_named_folder_is_verified_by_its_content(recipe, tmp_path):
    data, *_ = recipe
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    assert data.open(from_folder=folder, cache=tmp_path / "cache").head(2)["rating"].to_list() == [5.0]


def test_a_changed_file_in_the_named_folder_is_an_error_with_a_way_out(recipe, tmp_path):
    data, *_ = recipe
    folder = write(tmp_path / "mine", {**FILES, "ml-100k.inter": FILES["ml-100k.inter"].replace("5", "4")})
    with pytest.raises(
        DataError, match=r"ml-100k.inter: its SHA-256 must be .*; got .*: the file is damaged or was ch"
    ):
        data.open(from_folder=folder, cache=tmp_path / "cache")


def test_the_publisher_fills_the_cache_and_then_the_cache_answers(recipe, tmp_path):
    data, archive, served, asked = recipe
    (served / "ml-100k.zip").write_bytes(archive)
    said = []
    data.open(cache=tmp_path / "cache", report=said.append)
    (served / "ml-100k.zip").unlink()
    source = data.open(cache=tmp_path / "cache", report=said.append, offline=True)
    assert "taken from the publisher (http" in said[0] and "taken from the cache (" in said[1]
    assert source.head(1)["item_id"].to_list() == [7]
    assert sorted(file.name for file in (tmp_path / "cache" / "movielens-100k").iterdir()) == sorted(RAW)
    assert asked == []


def test_a_damaged_cache_is_fetched_again(recipe, tmp_path):
    data, archive, served, _ = recipe
    (served / "ml-100k.zip").write_bytes(archive)
    write(tmp_path / "cache" / "movielens-100k", {**RAW, "u.data": "1\t7\t1\t8\n"})
    assert data.open(cache=tmp_path / "cache").head(1)["rating"].to_list() == [5.0]


def test_a_damaged_download_is_not_kept_and_the_next_source_is_asked(recipe, tmp_path):
    data, archive, served, asked = recipe
    (served / "ml-100k.zip").write_bytes(archive[:-1])
    with pytest.raises(DataError, match=r"the archive's SHA-256 must be .*; got "):
        data.open(cache=tmp_path / "cache")
    assert len(asked) == 1
    assert list((tmp_path / "cache" / "movielens-100k").iterdir()) == []


def test_the_package_is_unpacked_and_never_run(recipe, tmp_path, monkeypatch):
    data, *_, asked = recipe

    def pip(command, **options):
        asked.append(command)
        wheel = Path(command[-1]) / "recbole-1.2.1-py3-none-any.whl"
        wheel.write_bytes(zip_bytes(FILES, "recbole/dataset_example/ml-100k"))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch.subprocess, "run", pip)
    source = data.open(cache=tmp_path / "cache")
    assert [file.parent for file in source.files] == [tmp_path / "cache" / "movielens-100k"] * 3
    assert sorted(file.name for file in (tmp_path / "cache" / "movielens-100k").iterdir()) == sorted(FILES)
    assert {"download", "--no-deps", "recbole==1.2.1"} <= set(asked[0])


def test_when_nothing_answers_all_that_was_tried_is_listed(recipe, tmp_path):
    data, *_ = recipe
    with pytest.raises(DataError) as caught:
        data.open(from_folder=tmp_path / "nowhere", cache=tmp_path / "cache")
    message = str(caught.value)
    for part in (
        "movielens-100k: found nowhere",
        "the folder that was named",
        "the cache",
        "the publisher (http://127.0.0.1",
        "HTTP Error 404",
        "recbole 1.2.1",
        "pip failed (ERROR: no network)",
        "--from",
        "--offline",
    ):
        assert part in message


def test_offline_asks_nobody(recipe, tmp_path):
    data, *_, asked = recipe
    with pytest.raises(DataError) as caught:
        data.open(cache=tmp_path / "cache", offline=True)
    assert "publisher" not in str(caught.value)
    assert asked == []


def test_pip_that_hangs_is_given_up(monkeypatch, tmp_path):
    def pip(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(fetch.subprocess, "run", pip)
    with pytest.raises(DataError, match="pip took longer than 180 seconds"):
        download_package("x==1", members={}, folder=tmp_path / "cache", checksums={})


def test_a_member_that_is_missing_is_named(publisher, tmp_path):
    address, served = publisher
    archive = zip_bytes(RAW, "ml-100k")
    (served / "a.zip").write_bytes(archive)
    with pytest.raises(DataError, match="the archive cannot be unpacked .*ratings.dat"):
        download_zip(
            f"{address}/a.zip",
            sha256=hashlib.sha256(archive).hexdigest(),
            members={"ml-1m/ratings.dat": "ratings.dat"},
            folder=tmp_path / "cache",
            checksums={},
        )


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="the cache .* cannot be written"):
        download_zip("http://127.0.0.1:1/x", sha256="", members={}, folder=tmp_path / "cache", checksums={})


def test_the_first_answer_wins_and_later_sources_are_not_asked():
    def never():
        raise AssertionError("asked too many")

    said = []
    attempts = [("the first", lambda: Path("here")), ("the second", never)]
    assert first_answer(attempts, name="toy", way_out="", report=said.append) == Path("here")
    assert said == ["toy: taken from the first (here)."]


def test_the_sum_of_a_zipped_file_is_that_of_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 1000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"abc" * 1000))
    expected = hashlib.sha256(b"abc" * 1000).hexdigest()
    assert content_sha256(tmp_path / "a") == content_sha256(tmp_path / "a.gz") == expected
