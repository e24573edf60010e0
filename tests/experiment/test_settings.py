"""Experiment files are read strictly, and say themselves again."""

import dataclasses
import json
from pathlib import Path

import pytest
import tomli_w

from tamis.config import read_toml
from tamis.errors import ConfigError
from tamis.experiment import load_settings, read_settings
from tamis.models import MODELS
from tamis.record import RunRecord

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "experiments", ROOT / "tamis" / "cli" / "demo_settings")
NO_EXPERIMENTS = ("studies",)
SHIPPED = sorted(
    path
    for folder in FOLDERS
    for path in folder.glob("*/*.toml")
    if path.parent.name not in NO_EXPERIMENTS and path.stem != "schema"
)
BY_HAND = ("mlp", "dcn_v2", "ssr_s", "ssr_d")
TUNED_BY_THE_TABLE = [
    path for path in SHIPPED if path.parent.name in ("movielens-1m", "criteo-60k") and path.stem not in BY_HAND
]
SEARCHES = sorted(ROOT.glob("experiments/*/folds/*.toml"))


def table(**parts):
    return {"data": {"recipe": "adult"}, "model": {"name": "mlp"}, **parts}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_file_loads_and_is_called_after_its_model(path):
    settings = load_settings(path)
    assert path.stem.split("-")[0] == settings.model
    assert path.parent.name == (settings.data.recipe or Path(settings.data.path).parent.name)


@pytest.mark.parametrize("place", FOLDERS, ids=lambda place: place.name)
def test_every_data_set_has_experiments_of_the_same_models(place):
    folders = {path.parent for path in SHIPPED if place in path.parents and load_settings(path).data.recipe}
    models = [{path.stem.split("-")[0] for path in folder.glob("*.toml")} for folder in folders]
    assert len(models) == 2
    assert all(found == models[0] for found in models), folders
    assert models[0] <= set(MODELS)


@pytest.mark.parametrize("path", TUNED_BY_THE_TABLE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_baseline_has_the_settings_that_the_table_tuned(path):
    split = {"movielens-1m": "random-8-1-1", "criteo-60k": "column-part"}[path.parent.name]
    record = ROOT / "results" / path.parent.name / split / f"{path.stem}-300k" / "seed-0.json"
    settings = load_settings(path, ["training.device=cpu"])
    assert settings.is_recorded_as(json.loads(record.read_text())["settings"])


def test_every_model_has_an_experiment():
    studied = (ROOT / "experiments" / "studies").glob("*.toml")
    in_studies = {model["name"] for study in studied for model in read_toml(study)["model"]}
    assert {load_settings(path).model for path in SHIPPED} | in_studies == set(MODELS)
    assert len(TUNED_BY_THE_TABLE) == 22


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_choice_of_a_search_is_a_setting(path):
    search = read_toml(path)
    for model in search.keys() - {"seed", "epochs", "folds", "every"}:
        for name, values in {**search["every"], **search[model]}.items():
            for value in values:
                load_settings(path.parent.parent / f"{model}.toml", [f"{name}={json.dumps(value)}"])


def test_resolved_settings_read_back_equal(tmp_path):
    settings = read_settings(table(model={"name": "ssr_d", "views": [2], "widths": [8]}), where="file")
    (tmp_path / "again.toml").write_text(tomli_w.dumps(settings.to_table()))
    assert load_settings(tmp_path / "again.toml") == settings
    assert read_toml(tmp_path / "again.toml")["model"]["name"] == "ssr_d"


def test_a_record_of_before_a_setting_existed_is_of_the_same_experiment():
    settings = read_settings(table(model={"name": "ssr_d", "views": [2], "widths": [8]}), where="file")
    recorded = json.loads(json.dumps(settings.to_table()))
    assert settings.is_recorded_as(recorded)
    assert recorded["training"].pop("compile") == "auto", "the default"
    assert settings.is_recorded_as(recorded)
    assert not settings.is_recorded_as({**recorded, "training": {**recorded["training"], "compile": "off"}})
    assert not settings.is_recorded_as({**recorded, "training": {**recorded["training"], "gone": 1}})


def deleted_choice(model):
    """What a recorded model asks for that was tried and deleted (docs/beyond.md), as an error names it."""
    if model.get("filter") in ("field", "field_dimension"):
        return "SSRSConfig has no setting 'filter'"
    if model["name"] == "ssr_a":
        return "no model is called 'ssr_a'"
    return "competition: must be one of .*; got 'closed'" if model.get("competition") == "closed" else None


def test_every_published_record_of_a_model_is_an_experiment_again():
    records = [path for path in (ROOT / "results").rglob("seed-*.json") if "sparsity" not in path.parts]
    references = [path for path in records if path.parent.name == "lightgbm"]
    assert len(records) - len(references) > 700
    for path in set(records) - set(references):
        told = json.loads(path.read_text())
        if (gone := deleted_choice(told["settings"]["model"])) is not None:
            with pytest.raises(ConfigError, match=gone):
                load_settings(path)
            continue
        settings = load_settings(path)
        assert (settings.model, settings.training.seed) == (told["settings"]["model"]["name"], told["seed"])
        assert settings.is_recorded_as({name: part for name, part in told["settings"].items() if name != "attended"})


def test_a_record_takes_overrides_and_one_of_trees_is_refused(tmp_path):
    settings = read_settings(table(), where="file")
    record = RunRecord(dataset="adult", split="random-8-1-1", model="mlp", seed=0, settings=settings.to_table())
    record.save(tmp_path / "record.json")
    assert load_settings(tmp_path / "record.json") == settings
    assert load_settings(tmp_path / "record.json", ["training.seed=3"]) == settings.with_seed(3)
    dataclasses.replace(record, model="lightgbm", settings={"reference": {}}).save(tmp_path / "trees.json")
    with pytest.raises(ConfigError, match=r"trees.json: is a record of lightgbm, which is no model of tamis .* Give"):
        load_settings(tmp_path / "trees.json")


def test_overrides_come_last(tmp_path):
    (tmp_path / "a.toml").write_text(tomli_w.dumps(table(training={"seed": 1})))
    settings = load_settings(tmp_path / "a.toml", ["training.seed=7", "model.dim=4"])
    assert settings.training.seed == 7
    assert settings.model_settings.dim == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table(modle={}), r"file: no part is called 'modle'. Did you mean 'model'\?"),
        ({"model": {"name": "mlp"}}, r"file: needs a part \[data\] and a part \[model\] with a name"),
        (table(model={"name": "mpl"}), r"no model is called 'mpl'. Did you mean 'mlp'\?"),
        (table(model={"name": "mlp", "hiden": [1]}), r"file \[model\]: MLPConfig has no setting 'hiden'"),
        (table(training={"epoch": 1}), r"file \[training\]: TrainingSettings has no setting 'epoch'"),
        (
            table(data={"recipe": "adult", "path": "x"}),
            "needs exactly one of recipe, path, train .* got recipe, path",
        ),
        (table(data={}), "got none of them"),
        (table(data={"path": "x.csv"}), r"\[data\] schema is missing: .* `tamis data inspect FILE"),
        (table(data={"train": "x.csv", "schema": "s"}), r"train is given without test"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(content, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(content, where="file")
