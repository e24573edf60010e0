"""Planted logs by name: their truth, their options, and the file that stands for them."""

import numpy as np
import polars as pl
import pytest

from tamis.data.readers import open_source
from tamis.data.recipes import RECIPES
from tamis.errors import ConfigError
from tamis.metrics import BayesBound

NAMES = [name for name in RECIPES if name.startswith("planted")]


@pytest.fixture
def open_log(tmp_path):
    def open_with(name, **options):
        recipe = RECIPES[name].with_options(options, where="here") if options else RECIPES[name]
        return recipe, recipe.open(cache=tmp_path)

    return open_with


def test_these_are_there():
    assert NAMES == ["planted", "planted-39", "planted-context", "planted-null", "planted-sparse"]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_the_bayes_bound(name, open_log):
    _, source = open_log(name, with_chance=True)
    bound = BayesBound()
    for chunk in source.chunks(["chance"]):
        bound.update(chunk["chance"].to_numpy())
    found = bound.compute()
    (reference,) = RECIPES[name].references
    assert (reference.auc, reference.log_loss) == (round(found["auc"], 4), round(found["log_loss"], 4))
    assert found["rows"] == source.settings.rows
    if name == "planted-null":
        assert found["auc"] == 0.5
    else:
        assert 0.79 < found["auc"] < 0.85


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_that_of_the_rows(name, open_log):
    recipe, source = open_log(name)
    assert recipe.name == name and recipe.split_of(source).kind == "random"
    assert list(recipe.schema.columns) == [*recipe.schema.feature_columns, "click", "time"]
    assert set(recipe.schema.columns) == set(source.columns) and "chance" not in source.columns
    assert all((recipe.title, recipe.licence, recipe.citation, recipe.where))


def test_the_sparse_log_has_few_fields_that_matter_and_the_null_log_the_same_fields_and_none(open_log):
    sparse, null = open_log("planted-sparse")[1], open_log("planted-null")[1]
    assert sparse.columns == null.columns and len(sparse.columns) == 62
    assert sparse.truth.fields == {f"signal_{i + 1}" for i in range(6)}
    assert null.truth.fields == frozenset()
    assert {len(effect.names) for group in sparse.truth.groups for effect in group.effects} == {1, 2, 3}


def test_in_the_context_log_three_effects_of_each_order_matter_at_a_time(open_log):
    source = open_log("planted-context")[1]
    assert len(source.truth.fields) == 25
    for group in source.truth.groups:
        assert (len(group.effects), group.context) == (24, "context")
        assert ((group.weights > 0).sum(axis=1)[:-1] == 3).all()
        assert len(np.unique(group.weights[:-1] > 0, axis=0)) == 8


def test_the_log_with_39_fields_uses_all_of_them(open_log):
    recipe, source = open_log("planted-39")
    assert len(recipe.schema.features) == 39 == len(source.truth.fields)
    assert sum(field.size for field in source.settings.columns.values()) > 140_000


def test_options_change_the_rows_and_the_name(open_log):
    recipe, source = open_log("planted-sparse", rows=500, seed=7)
    assert recipe.name == "planted-sparse-rows-500-seed-7"
    assert (source.settings.rows, source.settings.seed) == (500, 7)
    assert len(pl.concat(source.chunks())) == 500
    fields = [{"name": "only", "size": 4}]
    other, log = open_log("planted-null", fields=fields, rows=10)
    assert log.columns == ("only", "time", "click") and other.schema.feature_columns == ("only",)
    assert other.name.startswith("planted-null-") and other.name != open_log("planted-null", fields=fields)[0].name


def test_a_wrong_option_is_told():
    with pytest.raises(ConfigError, match=r"here: PlantedSettings has no setting 'row'. Did you mean 'rows'\?"):
        RECIPES["planted-null"].with_options({"row": 5}, where="here")
    with pytest.raises(ConfigError, match="here rows: must be a whole number; got 'many'"):
        RECIPES["planted-null"].with_options({"rows": "many"}, where="here")


def test_the_file_of_a_log_opens_as_the_same_log_and_is_written_once(open_log):
    source = open_log("planted", rows=300)[1]
    (file,) = source.files
    assert open_source(file).head(300).equals(source.head(300))
    written = file.stat().st_mtime_ns
    assert open_log("planted", rows=300)[1].files == (file,) and file.stat().st_mtime_ns == written
    assert open_log("planted", rows=301)[1].files != (file,)
    file.write_text("spoilt")
    assert open_log("planted", rows=300)[1].head(300).equals(source.head(300))
