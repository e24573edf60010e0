"""Criteo's display advertising logs: 13 counts and 26 hashed categories, whose meaning is not published."""

from collections.abc import Sequence
from pathlib import Path

from tamis.data.readers.criteo import CATEGORIES, INTEGERS, CriteoSource
from tamis.data.readers.joined import JoinedSource
from tamis.data.readers.parquet import ParquetSource
from tamis.data.readers.source import Source
from tamis.data.recipes.checksums import check_content
from tamis.data.recipes.folders import find_file, find_parts, named_folder
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference, Rows
from tamis.data.split import SplitSettings
from tamis.errors import DataError
from tamis.features.field import EncoderName
from tamis.features.schema import Field, Kind, Schema

MIN_COUNT = 10
"""Categories seen less often in training share the unknown id, as in the benchmarks called Criteo_x4_001."""

MIN_COUNT_60K = 100
"""The same for 45 thousand training rows with 1,400 clicks: a rarer category is learned by heart, not understood."""

_CHECKSUMS_60K = {"criteo_1tb_60k.parquet": "8340dc68b4a5fd88e7e629b6a02b60d41fffa83cf6ea5ed34914e3cea4e428ec"}
_CITATION_KAGGLE = "Criteo Labs. 2014. Display Advertising Challenge. Kaggle."
_WAY_OUT = (
    "Accept the terms of the Criteo Display Advertising Challenge, unpack its archive, and name the folder "
    "that holds "
    "train.txt with --from"
)


def _schema(
    integers: Sequence[str], categories: Sequence[str], *, integer_encoder: EncoderName, min_count: int
) -> Schema:
    return Schema(
        fields=(
            *(Field(name=name, kind=Kind.NUMERIC, encoder=integer_encoder) for name in integers),
            *(Field(name=name, kind=Kind.CATEGORICAL, min_count=min_count) for name in categories),
            Field(name="label", kind=Kind.LABEL),
        )
    )


def _fetch(places: Places) -> Rows:
    folder = named_folder(places, "criteo", _WAY_OUT)
    # The competition's own test file has no labels, and so a folder with three parts is told by its
    # validation part.
    parts = find_parts(folder, {"train": "train.tsv", "valid": "dev.tsv", "test": "test.tsv"})
    if parts:
        places.report(f"criteo: taken from {folder}, with its own parts for training, validation and test.")
        return {part: CriteoSource(path, name=f"criteo {part}") for part, path in parts.items()}
    if path := find_file(folder, "train.txt", "train.tsv"):
        places.report(f"criteo: taken from {path}.")
        return CriteoSource(path, name="criteo")
    if days := sorted([*folder.glob("day_*[0-9]"), *folder.glob("day_*[0-9].gz")], key=_day):
        places.report(f"criteo: taken from {folder}, {len(days)} days.")
        return JoinedSource([CriteoSource(day) for day in days], name="criteo")
    other = " It holds the 60,000 rows of another recipe: criteo-60k." if find_file(folder, *_CHECKSUMS_60K) else ""
    raise DataError(
        f"{folder}: holds neither train.txt, nor train.tsv with dev.tsv and test.tsv, nor day_0 to "
        f"day_23.{other} {_WAY_OUT}."
    )


def _day(path: Path) -> int:
    return int(path.name.removesuffix(".gz").removeprefix("day_"))


def _fetch_60k(places: Places) -> Source:
    way_out = "Name the folder that holds criteo_1tb_60k.parquet with --from"
    folder = named_folder(places, "criteo-60k", way_out)
    path = find_file(folder, *_CHECKSUMS_60K)
    if path is None:
        raise DataError(f"{folder}: holds no criteo_1tb_60k.parquet. {way_out}.")
    check_content([path], _CHECKSUMS_60K)
    places.report(f"criteo-60k: taken from {path}.")
    return ParquetSource(path, name="criteo-60k")


CRITEO = RECIPES.add(
    "criteo",
    Recipe(
        name="criteo",
        title="Criteo Display Advertising Challenge",
        licence=("Terms of the Criteo challenge; Criteo later published the logs as CC BY-NC-SA 4.0 (non-commercial)."),
        citation=_CITATION_KAGGLE,
        where="https://ailab.criteo.com/ressources/",
        schema=_schema(INTEGERS, CATEGORIES, integer_encoder="log_bucket", min_count=MIN_COUNT),
        fetch=_fetch,
        checksums={
            "train.tsv.gz of 7,200 rows": "26f53069b65ee2088d59d084767e9216ba6c8f41b8b728a8702791224bb7ed17",
            "dev.tsv.gz of 409 rows": "44be1d5b609d16f1d7422cc60ea3a780cdcd4e104d3a49dfa496254e4eeba59a",
            "test.tsv.gz of 391 rows": "8fc553ff2b10e70800c500761d3310fae6b9f3975b1baceabbff7334235c9062",
        },
        references=(
            Reference(
                model="DNN",
                protocol=("Criteo_x4_001: random 8:1:1 of all 46 million rows, one split; ours draws other rows"),
                auc=0.8140,
                log_loss=0.4380,
                source="BARS leaderboard (Zhu et al. 2022)",
            ),
            Reference(
                model="DCNv2",
                protocol=("Criteo_x4_001: random 8:1:1 of all 46 million rows, one split; ours draws other rows"),
                auc=0.81451,
                log_loss=0.43763,
                source="BARS leaderboard (Zhu et al. 2022)",
            ),
            Reference(
                model="logistic regression",
                protocol="8,000 raw rows, train to dev + test; a difference of 0.01 is noise",
                auc=0.723,
                log_loss=0.479,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)

CRITEO_60K = RECIPES.add(
    "criteo-60k",
    Recipe(
        name="criteo-60k",
        title="Criteo 1TB click logs, 60,000 rows",
        licence="CC BY-NC-SA 4.0 (non-commercial, share alike)",
        citation="Criteo AI Lab. Criteo 1TB Click Logs dataset.",
        where="https://ailab.criteo.com/criteo-1tb-click-logs-dataset/",
        schema=_schema(
            [name.lower() for name in INTEGERS],
            [name.lower() for name in CATEGORIES],
            # Chosen over buckets by cross-validation of the training parts: results/tuning/criteo-60k.json.
            integer_encoder="log_standardise",
            min_count=MIN_COUNT_60K,
        ),
        fetch=_fetch_60k,
        split=SplitSettings(kind="column", column="part", train=(0, 1, 2, 3, 4), test=(5,), valid_fraction=0.1),
        checksums=_CHECKSUMS_60K,
        references=(
            Reference(
                model="logistic regression",
                protocol=("parts 0 to 4 to part 5, categories seen 5 times, trained on the validation rows too"),
                auc=0.7135,
                log_loss=0.1294,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)
