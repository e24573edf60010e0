"""Fields chosen by their worth: on logs whose truth is known, through a whole run, and after a kill."""

import json

import polars as pl
import pytest

from tamis.errors import ConfigError
from tamis.experiment import choose_fields, prepare_data, read_settings, run_experiment
from tamis.export import load_bundle
from tamis.record import read_run
from tamis.serving import Scorer
from tamis.training import Workers

SIGNAL = ["signal_1", "signal_2", "signal_3"]


def settings_of(tmp_path, *, recipe="planted-sparse", worth=None, model="mlp", seed=0, **options):
    noise = {"name": "noise", "size": 100, "copies": 20}
    fields = [{"name": "signal", "size": 8, "copies": 3}, noise]
    table = {
        "data": {
            "recipe": recipe,
            "options": {"rows": 12_000, "fields": fields, "interactions": [{"fields": ["signal"]}], **options},
            "folder": str(tmp_path / "data"),
        },
        "model": {"name": model, "dim": 4, **({"hidden": [32]} if model == "mlp" else {"views": [4], "widths": [8]})},
        "training": {"epochs": 2, "batch_size": 256, "device": "cpu", "seed": seed},
        "worth": {} if worth is None else worth,
    }
    return read_settings(table, where="test")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))


def test_it_finds_the_fields_that_matter_among_noise_and_the_same_for_every_model(tmp_path):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    choice = choose_fields(settings, encoded, folder=tmp_path / "run")
    assert choose_fields(settings_of(tmp_path, model="ssr_s"), encoded, folder=tmp_path / "other") == choice
    by_name = {field.name: field.z for field in choice.found}
    assert set(by_name) == set(encoded.layout.field_names) and set(SIGNAL) <= set(choice.kept)
    assert min(by_name[name] for name in SIGNAL) > 4
    # Of twenty fields of noise one in 44 is kept on average: five or more come once in ten thousand times.
    assert len(choice.kept) < len(SIGNAL) + 5
    assert {name for name, z in by_name.items() if z > 2} == set(choice.kept)
    lines = choice.to_json()
    assert [line["z"] for line in lines] == sorted(by_name.values(), reverse=True)
    assert [line["name"] for line in lines if line["kept"]] == sorted(choice.kept, key=lambda name: -by_name[name])


def test_of_noise_alone_it_keeps_next_to_nothing_but_never_nothing(tmp_path):
    settings = settings_of(tmp_path, worth={"threshold": 2.0}, interactions=[])
    encoded = prepare_data(settings.data)
    choice = choose_fields(settings, encoded, folder=tmp_path / "run")
    assert 1 <= len(choice.kept) < 5
    strict = settings_of(tmp_path, worth={"threshold": 50.0}, interactions=[])
    best = max(choice.found, key=lambda field: field.z).name
    assert choose_fields(strict, encoded, folder=tmp_path / "strict").kept == (best,)


def test_a_run_has_the_fields_it_chose_and_its_model_asks_for_no_other_column(tmp_path):
    settings = settings_of(tmp_path, model="ssr_s", worth={"threshold": 4.0})
    encoded = prepare_data(settings.data)
    record = run_experiment(settings, encoded, folder=tmp_path / "run", command="test")
    assert record is not None and record.settings["worth"] == {"threshold": 4.0}
    assert [line["name"] for line in record.worth if line["kept"]] and len(record.worth) == 23
    assert sorted(line["name"] for line in record.worth if line["kept"]) == SIGNAL
    assert read_run(tmp_path / "run")[0].worth == record.worth
    assert not (tmp_path / "run" / "worth").exists()
    bundle = load_bundle(tmp_path / "run" / "model")
    assert set(bundle.layout.field_names) == set(SIGNAL)
    assert record.parameters["embedding"] == 4 * sum(bundle.layout.tables.values())
    rows = pl.DataFrame({name: ["0", "1"] for name in SIGNAL})
    assert Scorer(bundle).score(rows).shape == (2, 1)
    # The same run without the choice: more to learn from the same rows, and worse for it.
    plain = run_experiment(
        read_settings({**settings.to_table(), "worth": {"threshold": -100.0}}, where="test"),
        encoded,
        folder=tmp_path / "plain",
        command="test",
    )
    assert plain is not None and sum(line["kept"] for line in plain.worth) == 23
    assert plain.parameters["embedding"] > record.parameters["embedding"]
    own, other = record.test["auc"], plain.test["auc"]
    assert own is not None and other is not None and own > other


def test_a_run_that_goes_on_keeps_its_choice_and_one_of_other_settings_chooses_again(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    folder = tmp_path / "run"
    choice = choose_fields(settings, encoded, folder=folder)
    looked = []
    monkeypatch.setattr("tamis.experiment.worth._measure", lambda *_, **__: looked.append(1) or choice.found)
    assert choose_fields(settings, encoded, folder=folder) == choice and not looked
    other = settings_of(tmp_path, seed=1)
    choose_fields(other, encoded, folder=folder)
    assert looked == [1]


def test_a_pass_that_was_killed_begins_again(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    expected = choose_fields(settings, encoded, folder=tmp_path / "whole")

    class Killed(BaseException):
        pass

    seen = []

    def die(self, batch, autocast):
        seen.append(len(batch))
        if len(seen) == 20:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("tamis.experiment.worth.WorthMeter.observe", die)
        choose_fields(settings, encoded, folder=tmp_path / "run")
    assert not (tmp_path / "run" / "worth.json").exists()
    assert choose_fields(settings, encoded, folder=tmp_path / "run") == expected


def test_rows_are_looked_at_once_in_batches_enough_for_a_test(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    sizes = []
    monkeypatch.setattr(
        "tamis.experiment.worth.WorthMeter.observe", lambda self, batch, autocast: sizes.append(len(batch))
    )
    choose_fields(settings, encoded, folder=tmp_path / "run", workers=Workers())
    assert sum(sizes) == encoded.rows("train") and len(sizes) >= 300


def test_a_scenario_stays_whatever_it_is_worth(click_log, tmp_path):
    from tamis.features import Schema

    click_log.write_parquet(tmp_path / "log.parquet")
    Schema.infer(click_log, label="click", scenario="page").save(tmp_path / "schema.toml")
    data = {
        "path": str(tmp_path / "log.parquet"),
        "schema": str(tmp_path / "schema.toml"),
        "folder": str(tmp_path / "encoded"),
    }
    table = {"data": data, "model": {"name": "mlp", "dim": 4, "hidden": [8]}, "worth": {"threshold": 1000.0}}
    settings = read_settings(table, where="test")
    encoded = prepare_data(settings.data)
    choice = choose_fields(settings, encoded, folder=tmp_path / "run")
    assert "page" in choice.kept and len(choice.kept) == 2


@pytest.mark.parametrize("threshold", ["nan", "inf"])
def test_a_threshold_is_a_number(threshold):
    table = {"data": {"recipe": "adult"}, "model": {"name": "mlp"}, "worth": {"threshold": float(threshold)}}
    with pytest.raises(
        ConfigError, match=rf"threshold must be a number of standard errors, such as 2; got {threshold}"
    ):
        read_settings(table, where="test")


def test_settings_without_a_choice_are_written_as_before():
    table = {"data": {"recipe": "adult"}, "model": {"name": "mlp"}}
    assert "worth" not in read_settings(table, where="test").to_table()
    with_choice = read_settings({**table, "worth": {"threshold": 3}}, where="test")
    assert read_settings(json.loads(json.dumps(with_choice.to_table())), where="test") == with_choice
