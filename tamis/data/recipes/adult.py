"""Adult (Census Income): who earns more than 50,000 dollars; comes with the package and needs no network."""

from pathlib import Path

from tamis.data.readers.parquet import ParquetSource
from tamis.data.readers.source import Source
from tamis.data.recipes.checksums import check_content
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference
from tamis.features.schema import Field, Kind, Schema

_CHECKSUMS = {"adult.parquet": "fb07816c87bb0c929d6aa644e101eb3adf8805f12c591ffa3e6829d03663a189"}
_CATEGORIES = ("workclass", "education", "marital-status", "occupation", "relationship", "race", "gender")


def _fetch(places: Places) -> Source:
    inside = Path(__file__).with_name("adult.parquet")
    path = inside if places.folder is None else places.folder / "adult.parquet"
    check_content([path], _CHECKSUMS)
    places.report(f"adult: taken from {'the package' if path == inside else path}.")
    return ParquetSource(path, name="adult")


ADULT = RECIPES.add(
    "adult",
    Recipe(
        name="adult",
        title="Adult (Census Income)",
        licence="CC BY 4.0",
        citation="Barry Becker and Ronny Kohavi. 1996. Adult. UCI Machine Learning Repository.",
        where="https://archive.ics.uci.edu/dataset/2/adult",
        schema=Schema(
            fields=(
                Field(name="age", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=20),
                Field(name="fnlwgt", kind=Kind.NUMERIC),
                Field(name="educational-num", kind=Kind.NUMERIC, encoder="standardise"),
                Field(name="capital-gain", kind=Kind.NUMERIC, encoder="log_bucket"),
                Field(name="capital-loss", kind=Kind.NUMERIC, encoder="log_bucket"),
                Field(name="hours-per-week", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=10),
                *(Field(name=name, kind=Kind.CATEGORICAL) for name in _CATEGORIES),
                Field(name="native-country", kind=Kind.CATEGORICAL, min_count=5),
                Field(name="label", kind=Kind.LABEL, column="income", positive=">50K"),
            )
        ),
        fetch=_fetch,
        checksums=_CHECKSUMS,
        references=(
            Reference(
                model="logistic regression",
                protocol="other protocol: random 80/20, one-hot categories, C picked on the test part",
                auc=0.906,
                log_loss=0.314,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)
