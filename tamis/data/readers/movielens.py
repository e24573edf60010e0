"""MovieLens in the forms in which it is found: ratings joined with what is known of user and movie."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tamis.data.readers.chunks import choose_columns, first_rows
from tamis.data.readers.movielens_ratings import open_ratings
from tamis.data.readers.movielens_tables import read_items, read_users
from tamis.errors import DataError

_USER_COLUMNS = ("age", "gender", "occupation", "zip_code")
_ITEM_COLUMNS = ("title", "release_year", "genres")
_RATING_COLUMNS = ("user_id", "item_id", "rating", "timestamp", "time")

_FORMS = (
    # (ratings, users, items), in the order in which they are looked for
    ("ratings.dat", "users.dat", "movies.dat"),
    ("interactions.parquet", "users.dat", "movies.dat"),
    ("u.data", "u.user", "u.item"),
)


class MovieLensSource:
    """Ratings in file order with the columns of user and movie beside them.

    ``path`` is the folder, or the ratings file itself: ``ratings.dat`` with ``users.dat`` and ``movies.dat``
    (1M), ``u.data`` with ``u.user`` and ``u.item`` (100K), RecBole's ``NAME.inter`` with ``NAME.user`` and
    ``NAME.item``, or ``interactions.parquet`` with the ``.dat`` tables. Each text file may carry ``.gz``.

    Columns: ``user_id``, ``item_id``, ``age`` (whole numbers), ``rating``, ``timestamp`` (seconds, UTC),
    ``time``, ``gender``, ``occupation``, ``zip_code``, ``title`` (text), ``release_year`` (whole number),
    ``genres`` (list of text). ``time`` orders the ratings of a user: the timestamp, or where most timestamps
    are unknown (the Parquet form) the rank that it knows.

    Source: the readmes of MovieLens 100K and 1M; RecBole, "Atomic Files".

    Raises:
        DataError: a file of the form is missing, empty or damaged.
    """

    def __init__(self, path: Path | str, *, name: str | None = None) -> None:
        path = Path(path)
        self.files = find_movielens(path)
        self.name = name or path.name
        ratings, users, items = self.files
        self._ratings = open_ratings(ratings)
        self._users = read_users(users)
        self._items = read_items(items)
        self.columns = (*_RATING_COLUMNS, *_USER_COLUMNS, *_ITEM_COLUMNS)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The ratings in file order; a user or movie that its table does not know has missing values."""
        chosen = choose_columns(self.name, self.columns, columns)
        tables = ((self._users, "user_id", _USER_COLUMNS), (self._items, "item_id", _ITEM_COLUMNS))
        for chunk in self._ratings():
            for table, key, names in tables:
                needed = [column for column in names if column in chosen]
                if needed:
                    chunk = chunk.join(table.select(key, *needed), on=key, how="left", maintain_order="left")
            yield chunk.select(chosen)

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, all columns."""
        return first_rows(self.chunks(), rows)


def holds_movielens(folder: Path) -> bool:
    """Whether ``folder`` holds ratings in one of the forms."""
    return _find_ratings(folder) is not None


def find_movielens(path: Path) -> tuple[Path, Path, Path]:
    """The files of ratings, users and items that belong to ``path``, a folder or a file of ratings.

    Raises:
        DataError: there are no ratings, or a table is missing beside them.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder. Check the path.")
    ratings = _find_ratings(path) if path.is_dir() else path
    if ratings is None:
        raise DataError(
            f"{path}: the folder holds no MovieLens ratings (ratings.dat, u.data, NAME.inter, "
            "interactions.parquet). "
            "Name the folder that does."
        )
    plain = ratings.name.removesuffix(".gz")
    if plain.endswith(".inter"):
        stem = plain.removesuffix(".inter")
        tables = (f"{stem}.user", f"{stem}.item")
    else:
        form = next((form for form in _FORMS if form[0] == plain), None)
        if form is None:
            raise DataError(
                f"{ratings}: a file of MovieLens ratings is called ratings.dat, u.data, NAME.inter or "
                "interactions.parquet. Rename it, or name another format."
            )
        tables = form[1:]
    users, items = (_find(ratings.parent, table) for table in tables)
    for table, found in zip(tables, (users, items), strict=True):
        if found is None:
            raise DataError(f"{ratings}: needs {table} (or {table}.gz) beside it. Copy it into {ratings.parent}.")
    assert users is not None and items is not None
    return ratings, users, items


def _find_ratings(folder: Path) -> Path | None:
    for ratings, *_ in _FORMS:
        if found := _find(folder, ratings):
            return found
    return min([*folder.glob("*.inter"), *folder.glob("*.inter.gz")], default=None)


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)
