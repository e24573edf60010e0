"""MovieLens in all its forms, which must give the same rows."""

import gzip

import polars as pl
import pytest

from tamis.data.readers.movielens import MovieLensSource, find_movielens, holds_movielens
from tamis.errors import DataError

RATINGS = [(1, 10, 5, 978300760), (2, 20, 3, 978302109), (1, 30, 4, 978301968), (9, 99, 1, 978300000)]
USERS = {1: (24, "M", "technician", "01234"), 2: (53, "F", "other", "T8H1N")}
MOVIES = {
    10: ("Toy Story (1995)", 1995, ["Animation", "Children's", "Comedy"]),
    20: ("Misérables, Les: a film (1998) (V)", 1998, ["Drama"]),
    30: ("unknown", None, ["unknown"]),
}
GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *(
        "Fantasy",
        "Film-Noir",
        "Horror",
        "Musical",
        "Mystery",
        "Romance",
        "Sci-Fi",
        "Thriller",
        "War",
        "Western",
    ),
)


def write(path, lines, separator, encoding, *, is_zipped):
    data = "".join(separator.join(map(str, line)) + "\n" for line in lines).encode(encoding)
    if is_zipped:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)


def write_1m(folder, *, is_zipped=False):
    options = {"separator": "::", "encoding": "latin-1", "is_zipped": is_zipped}
    write(folder / "ratings.dat", RATINGS, **options)
    write(folder / "users.dat", [(u, g, a, o, z) for u, (a, g, o, z) in USERS.items()], **options)
    write(folder / "movies.dat", [(m, t, "|".join(g)) for m, (t, _, g) in MOVIES.items()], **options)


def write_100k(folder, *, is_zipped=False):
    write(folder / "u.data", RATINGS, "\t", "latin-1", is_zipped=is_zipped)
    write(folder / "u.user", [(u, *rest) for u, rest in USERS.items()], "|", "latin-1", is_zipped=is_zipped)
    items = [
        (m, t, "01-Jan-1995", "", "http://x", *[int(name in g) for name in GENRES]) for m, (t, _, g) in MOVIES.items()
    ]
    write(folder / "u.item", items, "|", "latin-1", is_zipped=is_zipped)


def write_atomic(folder, *, is_zipped=False):
    options = {"separator": "\t", "encoding": "utf-8", "is_zipped": is_zipped}
    header = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
    write(folder / "ml-100k.inter", [header, *RATINGS], **options)
    header = ("user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token")
    write(folder / "ml-100k.user", [header, *[(u, *rest) for u, rest in USERS.items()]], **options)
    header = ("item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq")
    items = [(m, t, y or "unknown", " ".join(g)) for m, (t, y, g) in MOVIES.items()]
    write(folder / "ml-100k.item", [header, *items], **options)


def expected_rows():
    rows = []
    for user, item, rating, time in RATINGS:
        age, gender, occupation, code = USERS.get(user, (None,) * 4)
        title, year, genres = MOVIES.get(item, (None, None, None))
        rows.append((user, item, float(rating), time, time, age, gender, occupation, code, title, year, genres))
    return rows


@pytest.mark.parametrize("is_zipped", [False, True])
@pytest.mark.parametrize("form", [write_1m, write_100k, write_atomic])
def test_every_form_gives_the_same_rows(tmp_path, form, is_zipped):
    form(tmp_path, is_zipped=is_zipped)
    source = MovieLensSource(tmp_path)
    assert source.head(9).rows() == expected_rows()
    assert pl.concat(source.chunks()).equals(source.head(9))


def test_the_parquet_form_orders_ratings_by_the_rank_it_knows(tmp_path):
    write_1m(tmp_path)
    (tmp_path / "ratings.dat").unlink()
    frame = pl.DataFrame(RATINGS, schema=["user_id", "movie_id", "rating", "timestamp"], orient="row")
    unknown = pl.Series("timestamp", [978300760, None, None, None])
    frame.with_columns(unknown, pl.Series("time_rank", [1, 0, 2, 0])).cast({"user_id": pl.Int16}).write_parquet(
        tmp_path / "interactions.parquet"
    )
    found = MovieLensSource(tmp_path).head(9)
    assert found["time"].to_list() == [1, 0, 2, 0]
    assert found["timestamp"].to_list() == unknown.to_list()
    assert found["user_id"].to_list() == [user for user, *_ in RATINGS]
    assert found["age"].to_list() == [24, 53, 24, None]


def test_columns_of_the_tables_can_be_read_alone(tmp_path):
    write_1m(tmp_path)
    assert next(MovieLensSource(tmp_path).chunks(["release_year", "rating"])).rows() == [
        *[(1995, 5.0), (1998, 3.0), (None, 4.0), (None, 1.0)]
    ]


def test_the_ratings_file_itself_may_be_named(tmp_path):
    write_100k(tmp_path, is_zipped=True)
    assert MovieLensSource(tmp_path / "u.data.gz").files == find_movielens(tmp_path)
    assert holds_movielens(tmp_path)


def test_a_missing_table_is_named(tmp_path):
    write_1m(tmp_path)
    (tmp_path / "users.dat").unlink()
    with pytest.raises(DataError, match=r"ratings.dat: needs users.dat \(or users.dat.gz\) beside it"):
        MovieLensSource(tmp_path)


def test_a_folder_without_ratings_is_refused(tmp_path):
    with pytest.raises(DataError, match="the folder holds no MovieLens ratings"):
        MovieLensSource(tmp_path)


def test_a_file_of_another_name_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("1,2\n")
    with pytest.raises(DataError, match="a file of MovieLens ratings is called ratings.dat, u.data, NAME.inter or"):
        MovieLensSource(tmp_path / "log.csv")


def test_a_table_with_other_cells_is_refused(tmp_path):
    write_1m(tmp_path)
    (tmp_path / "users.dat").write_text("1::M\n")
    with pytest.raises(DataError, match="users.dat: a row must have 5 cells between '::': user_id, gender, age"):
        MovieLensSource(tmp_path)


def test_an_atomic_file_without_a_column_is_refused(tmp_path):
    write_atomic(tmp_path)
    path = tmp_path / "ml-100k.inter"
    path.write_text(path.read_text().replace("rating:float", "stars:float"))
    with pytest.raises(DataError, match="ml-100k.inter: must have the columns .*; 'rating' is missing"):
        MovieLensSource(tmp_path)


def test_a_table_without_a_column_is_refused(tmp_path):
    write_atomic(tmp_path)
    path = tmp_path / "ml-100k.user"
    path.write_text(path.read_text().replace("age:token", "years:token"))
    with pytest.raises(DataError, match=r"ml-100k.user: is not a table of MovieLens \(.*age.*\). Get it again."):
        MovieLensSource(tmp_path)
