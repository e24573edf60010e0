"""The users and the movies of MovieLens: small tables, read whole."""

from pathlib import Path

import polars as pl

from tamis.data.readers.byte_stream import read_bytes
from tamis.errors import DataError

_GENRES = (
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
"""The 19 genre columns of ``u.item``, in the order of its readme."""

_YEAR = pl.col("title").str.extract(r"^.*\(([0-9]{4})\)").cast(pl.Int64)


def read_users(path: Path) -> pl.DataFrame:
    """``user_id``, ``age``, ``gender``, ``occupation`` and ``zip_code`` of each user.

    Raises:
        DataError: the file cannot be read or has other columns.
    """
    plain = path.name.removesuffix(".gz")
    if plain.endswith(".user") and plain != "u.user":
        table = _atomic_table(path)
    elif plain == "u.user":
        table = _table(path, "|", ["user_id", "age", "gender", "occupation", "zip_code"])
    else:
        table = _table(path, "::", ["user_id", "gender", "age", "occupation", "zip_code"])
    texts = [pl.col(name) for name in ("gender", "occupation", "zip_code")]
    return _check(path, table, pl.col("user_id").cast(pl.Int64), pl.col("age").cast(pl.Int64), *texts)


def read_items(path: Path) -> pl.DataFrame:
    """``item_id``, ``title``, ``release_year`` (often part of the title) and ``genres`` of each movie.

    Raises:
        DataError: the file cannot be read or has other columns.
    """
    plain = path.name.removesuffix(".gz")
    if plain.endswith(".item") and plain != "u.item":
        table = _atomic_table(path).rename({"movie_title": "title", "class": "genres"}, strict=False)
        year = pl.col("release_year").cast(pl.Int64, strict=False)
        genres = pl.col("genres").str.split(" ")
    elif plain == "u.item":
        flags = [f"genre_{i}" for i in range(len(_GENRES))]
        table = _table(path, "|", ["item_id", "title", "release_date", "video_release_date", "url", *flags])
        year = _YEAR
        named = [pl.when(pl.col(f) == "1").then(pl.lit(g)) for f, g in zip(flags, _GENRES, strict=True)]
        genres = pl.concat_list(named).list.drop_nulls()
    else:
        table = _table(path, "::", ["item_id", "title", "genres"])
        year, genres = _YEAR, pl.col("genres").str.split("|")
    item = pl.col("item_id").cast(pl.Int64)
    return _check(path, table, item, pl.col("title"), year.alias("release_year"), genres.alias("genres"))


def _check(path: Path, table: pl.DataFrame, *columns: pl.Expr) -> pl.DataFrame:
    try:
        return table.select(columns)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: is not a table of MovieLens ({reason}). Get it again.") from None


def _table(path: Path, separator: str, names: list[str]) -> pl.DataFrame:
    # The publisher's tables are in ISO 8859-1 and quote nothing.
    lines = _lines(path, "latin-1")
    cells = lines.str.split(separator)
    if (cells.list.len() != len(names)).any():
        raise DataError(
            f"{path}: a row must have {len(names)} cells between {separator!r}: {', '.join(names)}. Get it again."
        )
    fields = cells.list.to_struct(fields=names).struct.unnest()
    return fields.with_columns(pl.when(pl.col(names) != "").then(pl.col(names)).name.keep())


def _atomic_table(path: Path) -> pl.DataFrame:
    lines = _lines(path, "utf-8")
    names = [column.partition(":")[0] for column in lines[0].split("\t")]
    cells = lines.slice(1).str.split("\t")
    if (cells.list.len() != len(names)).any():
        raise DataError(f"{path}: a row must have {len(names)} cells between tabs, like the header. Get it again.")
    fields = cells.list.to_struct(fields=names).struct.unnest()
    return fields.with_columns(pl.when(pl.col(names) != "").then(pl.col(names)).name.keep())


def _lines(path: Path, encoding: str) -> pl.Series:
    text = read_bytes(path).decode(encoding, "replace")
    lines = pl.Series(text.replace("\r\n", "\n").split("\n"))
    return lines.filter(lines != "")
