"""MovieLens-100K and MovieLens-1M: ratings of films by people of known age, gender, occupation and region."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tamis.data.readers.movielens import MovieLensSource, find_movielens
from tamis.data.readers.source import Source
from tamis.data.recipes.checksums import check_content
from tamis.data.recipes.fetch import Attempt, download_package, download_zip, first_answer
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference
from tamis.features.schema import Field, Kind, Schema

_PUBLISHER = "https://files.grouplens.org/datasets/movielens"
_LICENCE = (
    "GroupLens usage licence: research use with acknowledgement; no redistribution without separate "
    "permission, "
    "no commercial use."
)
_CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19."
)

_100K_CHECKSUMS = {
    "ml-100k.zip": "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
    "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}
_1M_CHECKSUMS = {
    "ml-1m.zip": "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    "ratings.dat": "506d64ca44484487c11dc2d9a28de5c54948213e6b96285e298afe28d6ea4e0f",
    "users.dat": "1dc3a95300cb19f7c10e027daf29b8cdf1d908dab65b5edfb45950aa389a10a3",
    "movies.dat": "0140fc2356357c1a851d0f52e893a1e4d3696df632c4141cea8d5bc3d621f0b9",
    "interactions.parquet": "bda6c53cb080eee140351a4948c1a9b44e6e9a9f9dcaa2e637856e37c21a9765",
}


def _schema(age: Field, *, zip_min_count: int) -> Schema:
    """The rating is the label and no feature; nor is its time, which is known only once the rating is."""
    return Schema(
        fields=(
            Field(name="user_id", kind=Kind.CATEGORICAL),
            Field(name="item_id", kind=Kind.CATEGORICAL),
            age,
            Field(name="gender", kind=Kind.CATEGORICAL),
            Field(name="occupation", kind=Kind.CATEGORICAL),
            # A region of one or two people would only be the person again.
            Field(name="zip_code", kind=Kind.CATEGORICAL, min_count=zip_min_count),
            Field(name="release_year", kind=Kind.CATEGORICAL, min_count=10),
            Field(name="genres", kind=Kind.MULTI_VALUED),
            Field(name="label", kind=Kind.LABEL, column="rating", at_least=4),
            Field(name="group", kind=Kind.GROUP, column="user_id"),
            Field(name="time", kind=Kind.TIME),
        )
    )


def _open(
    places: Places, *, name: str, checksums: Mapping[str, str], downloads: Sequence[Attempt], way_out: str
) -> Source:
    """Open what the first place that answers holds; wrong content in a named folder is an error."""
    attempts: list[Attempt] = []
    if places.folder is not None:
        folder = places.folder
        attempts.append(("the folder that was named", lambda: find_movielens(folder)[0]))
    cache = places.cache / name
    attempts.append(("the cache", lambda: _verified(cache, checksums)))
    attempts += [] if places.is_offline else downloads
    found = first_answer(attempts, name=name, way_out=way_out, report=places.report)
    check_content(find_movielens(found), checksums)
    return MovieLensSource(found, name=name)


def _verified(folder: Path, checksums: Mapping[str, str]) -> Path:
    files = find_movielens(folder)
    check_content(files, checksums)
    return files[0]


def _fetch_100k(places: Places) -> Source:
    cache = places.cache / "movielens-100k"
    package = "recbole/dataset_example/ml-100k"
    downloads: list[Attempt] = [
        (
            f"the publisher ({_PUBLISHER}/ml-100k.zip)",
            partial(
                download_zip,
                f"{_PUBLISHER}/ml-100k.zip",
                sha256=_100K_CHECKSUMS["ml-100k.zip"],
                # The ratings come last: a folder without them holds nothing yet.
                members={f"ml-100k/{name}": name for name in ("u.user", "u.item", "u.data")},
                folder=cache,
                checksums=_100K_CHECKSUMS,
            ),
        ),
        (
            "the published package recbole 1.2.1 (pip download)",
            partial(
                download_package,
                "recbole==1.2.1",
                members={f"{package}/{name}": name for name in ("ml-100k.user", "ml-100k.item", "ml-100k.inter")},
                folder=cache,
                checksums=_100K_CHECKSUMS,
            ),
        ),
    ]
    way_out = (
        "Get ml-100k.zip by hand, unpack it and name its folder with --from; "
        "with --offline, a demonstration runs on the recipe adult instead, which needs no network."
    )
    return _open(places, name="movielens-100k", checksums=_100K_CHECKSUMS, downloads=downloads, way_out=way_out)


def _fetch_1m(places: Places) -> Source:
    downloads: list[Attempt] = [
        (
            f"the publisher ({_PUBLISHER}/ml-1m.zip)",
            partial(
                download_zip,
                f"{_PUBLISHER}/ml-1m.zip",
                sha256=_1M_CHECKSUMS["ml-1m.zip"],
                members={f"ml-1m/{name}": name for name in ("users.dat", "movies.dat", "ratings.dat")},
                folder=places.cache / "movielens-1m",
                checksums=_1M_CHECKSUMS,
            ),
        )
    ]
    way_out = "Get ml-1m.zip by hand, unpack it and name its folder with --from."
    return _open(places, name="movielens-1m", checksums=_1M_CHECKSUMS, downloads=downloads, way_out=way_out)


MOVIELENS_100K = RECIPES.add(
    "movielens-100k",
    Recipe(
        name="movielens-100k",
        title="MovieLens-100K",
        licence=_LICENCE,
        citation=_CITATION,
        where="https://grouplens.org/datasets/movielens/100k/",
        schema=_schema(Field(name="age", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=20), zip_min_count=200),
        fetch=_fetch_100k,
        checksums=_100K_CHECKSUMS,
        references=(
            Reference(
                model="logistic regression",
                protocol="other protocol: random 80/20, one-hot ids, C picked on the test part",
                auc=0.777,
                log_loss=0.562,
                source="measured independently with scikit-learn",
            ),
            Reference(
                model="logistic regression",
                protocol="other protocol: global time 80/20, one-hot ids, C picked on the test part",
                auc=0.702,
                log_loss=0.627,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)

MOVIELENS_1M = RECIPES.add(
    "movielens-1m",
    Recipe(
        name="movielens-1m",
        title="MovieLens-1M",
        licence=_LICENCE,
        citation=_CITATION,
        where="https://grouplens.org/datasets/movielens/1m/",
        schema=_schema(Field(name="age", kind=Kind.CATEGORICAL), zip_min_count=500),
        fetch=_fetch_1m,
        checksums=_1M_CHECKSUMS,
        references=(
            Reference(
                model="logistic regression",
                protocol="other protocol: random 80/20, one-hot ids",
                auc=0.791,
                log_loss=0.540,
                source="measured independently with scikit-learn",
            ),
            Reference(
                model="logistic regression",
                protocol="other protocol: last 20 % of each user, one-hot ids",
                auc=0.794,
                log_loss=0.549,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)
