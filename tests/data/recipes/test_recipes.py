"""What every recipe promises, and the row counts and label rates of the real data."""

import numpy as np
import polars as pl
import pytest

from tamis.cache import cache_folder
from tamis.data.recipes import RECIPES
from tamis.data.split import make_splitter
from tamis.errors import ConfigError, DataError
from tamis.features.schema import Kind

FOLDERS = {
    "movielens-100k": "movielens_100k",
    "movielens-1m": "movielens_1m",
    "criteo": "criteo_kaggle_8k",
    "criteo-60k": "criteo_1tb_60k",
    "avazu": "avazu_9k",
    "avazu-9k": "avazu_9k",
    "frappe": "frappe",
    "adult": "adult_census",
}
# Rows and label rate, as the readmes beside the data give them.
FACTS = {
    "movielens-100k": (100_000, 0.554),
    "movielens-1m": (1_000_209, 0.575),
    "criteo": (8_000, 0.216),
    "criteo-60k": (60_000, 0.0316),
    "avazu": (8_999, 0.174),
    "avazu-9k": (8_999, 0.174),
    "frappe": (202_027 + 57_722 + 28_860, 1 / 3),
    "adult": (48_842, 0.239),
}


def labels_of(source, schema):
    """The label by the rule of its field, written down again."""
    (field,) = schema.labels
    values = pl.concat(source.chunks([field.source]))[field.source]
    if field.at_least is not None:
        return (values >= field.at_least).to_numpy()
    if field.positive is not None:
        return (values.cast(pl.String) == field.positive).to_numpy()
    return values.to_numpy() == 1


def test_the_facts_cover_every_recipe_that_is_not_made_up():
    made_up = {name for name in RECIPES if RECIPES[name].with_options is not None}
    assert set(FOLDERS) == set(FACTS) == set(RECIPES) - made_up


@pytest.mark.parametrize("name", FOLDERS)
def test_a_recipe_says_where_it_comes_from_and_what_others_measured(name):
    recipe = RECIPES[name]
    assert recipe.name == name
    assert all((recipe.title, recipe.licence, recipe.citation, recipe.where.startswith("https://")))
    assert recipe.references
    assert all(0.5 < reference.auc < 1 and reference.protocol and reference.source for reference in recipe.references)
    assert all(len(checksum) == 64 for checksum in recipe.checksums.values())
    assert len(recipe.schema.labels) == 1


@pytest.mark.parametrize("name", ["movielens-100k", "movielens-1m"])
def test_no_feature_tells_the_rating(name):
    schema = RECIPES[name].schema
    assert not {"rating", "timestamp", "time"} & set(schema.feature_columns)
    assert (schema.group.source, schema.labels[0].at_least) == ("user_id", 4)
    assert next(field for field in schema.fields if field.name == "genres").kind == Kind.MULTI_VALUED


@pytest.mark.shared
@pytest.mark.parametrize("name", FOLDERS)
def test_rows_and_label_rate_are_those_of_the_readme(shared_data, name):
    recipe = RECIPES[name]
    found = recipe.open(from_folder=shared_data / FOLDERS[name])
    sources = found.values() if isinstance(found, dict) else [found]
    labels = np.concatenate([labels_of(source, recipe.schema) for source in sources])
    rows, rate = FACTS[name]
    assert len(labels) == rows
    assert labels.mean() == pytest.approx(rate, abs=0.0006)


@pytest.mark.shared
@pytest.mark.parametrize("name", FOLDERS)
def test_the_sources_have_every_column_of_the_schema(shared_data, name):
    recipe = RECIPES[name]
    found = recipe.open(from_folder=shared_data / FOLDERS[name])
    for source in found.values() if isinstance(found, dict) else [found]:
        assert next(source.chunks(recipe.schema.columns)).columns == list(recipe.schema.columns)
        assert all(file.exists() for file in source.files) and source.files


@pytest.mark.shared
def test_criteo_60k_trains_on_parts_0_to_4_and_tests_on_part_5(shared_data):
    recipe = RECIPES["criteo-60k"]
    source = recipe.open(from_folder=shared_data / "criteo_1tb_60k")
    splitter = make_splitter(recipe.split_of(source))
    splitter.prepare(source, recipe.schema)
    chunk = source.head(60_000)
    parts = splitter.assign(chunk, 0)
    assert set(chunk["part"].to_numpy()[parts == 2]) == {5}
    assert (parts == 2).sum() == 10_000
    assert (parts == 1).sum() == pytest.approx(5_000, abs=200)
    assert (parts == 0).sum() + (parts == 1).sum() == 50_000


@pytest.mark.shared
@pytest.mark.parametrize("name", ["criteo", "avazu", "avazu-9k", "frappe"])
def test_a_folder_with_parts_gives_a_source_for_each(shared_data, name):
    recipe = RECIPES[name]
    found = recipe.open(from_folder=shared_data / FOLDERS[name])
    assert list(found) == ["train", "valid", "test"]
    assert recipe.split_of(found).kind == "given"
    rows = {part: sum(map(len, source.chunks([source.columns[0]]))) for part, source in found.items()}
    assert (
        rows
        == {
            "criteo": dict(train=7200, valid=409, test=391),
            "avazu": dict(train=8087, valid=480, test=432),
            "avazu-9k": dict(train=8087, valid=480, test=432),
            "frappe": dict(train=202_027, valid=57_722, test=28_860),  # as published
        }[name]
    )


@pytest.mark.shared
def test_both_text_forms_of_movielens_1m_and_its_parquet_form_hold_the_same_users_and_films(shared_data):
    chunk = RECIPES["movielens-1m"].open(from_folder=shared_data / "movielens_1m").head(1_000_209)
    assert (chunk["user_id"].n_unique(), chunk["item_id"].n_unique()) == (6_040, 3_706)
    assert chunk["release_year"].null_count() == 0
    assert set(chunk["age"]) == {1, 18, 25, 35, 45, 50, 56}
    assert chunk["genres"].list.explode().n_unique() == 18
    assert chunk["time"].null_count() == 0


@pytest.mark.shared
def test_movielens_100k_has_its_users_films_and_genres(shared_data):
    chunk = RECIPES["movielens-100k"].open(from_folder=shared_data / "movielens_100k").head(100_000)
    assert (chunk["user_id"].n_unique(), chunk["item_id"].n_unique()) == (943, 1_682)
    assert chunk["genres"].list.explode().n_unique() == 19
    assert (chunk["occupation"].n_unique(), set(chunk["gender"])) == (21, {"F", "M"})
    # Zip codes stay text: some begin with 0, some are Canadian.
    assert chunk["zip_code"].str.len_chars().unique().to_list() == [5]


def test_adult_comes_with_the_package(tmp_path):
    said = []
    source = RECIPES["adult"].open(offline=True, cache=tmp_path, report=said.append)
    labels = labels_of(source, RECIPES["adult"].schema)
    assert (len(labels), round(labels.mean(), 3)) == (48_842, 0.239)
    assert said == ["adult: taken from the package."]
    attribution = source.files[0].with_suffix(".txt").read_text()
    assert all(word in attribution for word in ("Becker", "Kohavi", "UCI", "CC BY 4.0", "1996"))


def test_a_changed_file_is_refused_with_the_way_out(tmp_path):
    pl.DataFrame({"age": [1]}).write_parquet(tmp_path / "adult.parquet")
    with pytest.raises(
        DataError, match=r"adult.parquet: its SHA-256 must be fb07816c.*; got .* Get it again, or read it as"
    ):
        RECIPES["adult"].open(from_folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("criteo", "criteo: cannot be downloaded without accepting its terms.*train.txt with --from"),
        ("criteo-60k", "criteo-60k: cannot be downloaded.*criteo_1tb_60k.parquet with --from"),
        ("avazu-9k", "avazu-9k: cannot be downloaded.*dev.csv.gz and test.csv.gz of the sample with --from"),
        ("avazu", "avazu: cannot be downloaded.*train.gz, and name the folder that holds it with --from"),
        ("frappe", "frappe: cannot be downloaded.*frappe.train.libfm.*with --from"),
    ],
)
def test_data_behind_terms_says_how_to_get_it(tmp_path, name, message):
    with pytest.raises(DataError, match=message):
        RECIPES[name].open()
    with pytest.raises(DataError, match="no such folder.*--from"):
        RECIPES[name].open(from_folder=tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds n.*--from"):
        RECIPES[name].open(from_folder=tmp_path)


def test_a_folder_of_the_other_criteo_recipe_is_told(tmp_path):
    (tmp_path / "criteo_1tb_60k.parquet").touch()
    with pytest.raises(DataError, match="It holds the 60,000 rows of another recipe: criteo-60k"):
        RECIPES["criteo"].open(from_folder=tmp_path)


def criteo_line(label):
    return "\t".join([str(label), *["3"] * 13, *["0a"] * 26]) + "\n"


def test_the_public_releases_of_criteo_are_found(tmp_path):
    (tmp_path / "day_10").write_text(criteo_line(1))
    (tmp_path / "day_9").write_text(criteo_line(0))
    days = RECIPES["criteo"].open(from_folder=tmp_path)
    assert pl.concat(days.chunks(["label"]))["label"].to_list() == [0, 1]
    (tmp_path / "train.txt").write_text(criteo_line(1))
    (tmp_path / "test.txt").write_text(criteo_line(1).partition("\t")[2])
    source = RECIPES["criteo"].open(from_folder=tmp_path)
    assert source.files == (tmp_path / "train.txt",)
    assert RECIPES["criteo"].split_of(source).kind == "random"


def test_the_public_release_of_avazu_is_found(tmp_path):
    (tmp_path / "train.gz").write_text(",".join(["77", "1", "14102100", *["5"] * 21]) + "\n")
    assert RECIPES["avazu"].open(from_folder=tmp_path).head(1)["click"].to_list() == [1]


def test_the_published_parts_of_frappe_are_verified(tmp_path):
    for part in ("train", "validation", "test"):
        (tmp_path / f"frappe.{part}.libfm").write_text("1 " + " ".join(f"{i}:1" for i in range(10)) + "\n")
    with pytest.raises(DataError, match="frappe.validation.libfm: its SHA-256 must be"):
        RECIPES["frappe"].open(from_folder=tmp_path)


def test_frappe_in_its_raw_form_alone_says_which_parts_are_missing(tmp_path):
    (tmp_path / "frappe.csv").touch()
    with pytest.raises(DataError, match="holds no frappe.validation.libfm with frappe.test.libfm and .* or frappe.csv"):
        RECIPES["frappe"].open(from_folder=tmp_path)


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no recipe is called 'movielens100k'. Did you mean 'movielens-100k'\?"):
        RECIPES["movielens100k"]


def test_the_cache_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TAMIS_CACHE")
    assert cache_folder().name == "tamis"
