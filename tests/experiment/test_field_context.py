"""Fields left out where they were not seen to tell anything: on logs whose truth is known, through a whole run."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tamis.analysis import measure_context_worth
from tamis.data import RowShare
from tamis.data.readers.planted import PlantedSource
from tamis.errors import ConfigError
from tamis.experiment import choose_fields, prepare_data, read_settings, run_experiment
from tamis.experiment.field_context import _rows_asked, find_context
from tamis.experiment.prepare import open_data
from tamis.export import load_bundle
from tamis.features import Schema
from tamis.record import read_run
from tamis.serving import Scorer

SINGLE = {"fields": ["field"], "context": "context", "active": 2, "scale": 1.5}


def settings_of(tmp_path, *, worth=None, interactions=(SINGLE,), data=None, **options):
    fields = [{"name": "context", "size": 5, "exponent": 0.5}, {"name": "field", "size": 12, "copies": 12}]
    options = {"rows": 20_000, "fields": fields, "interactions": list(interactions), **options}
    table = {
        "data": data or {"recipe": "planted-context", "options": options, "folder": str(tmp_path / "data")},
        "model": {"name": "mlp", "dim": 4, "hidden": [32]},
        "training": {"epochs": 4, "batch_size": 256, "device": "cpu"},
        "worth": {"context": "context"} if worth is None else worth,
    }
    return read_settings(table, where="test")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))


def truth_of(settings):
    """The names of the fields that decide, by the value of the context."""
    source = open_data(settings.data).rows
    assert isinstance(source, PlantedSource)
    (group,) = source.truth.groups
    names = [effect.names[0] for effect in group.effects]
    return {
        str(value): {name for name, weight in zip(names, group.weights[value], strict=True) if weight}
        for value in range(5)
    }


def found_in(settings, encoded):
    """The names of the fields that were found to count, by the value of the context."""
    found = find_context(settings, encoded)
    return {
        value: {name for name, ids in found.context.left_out.items() if number not in ids}
        for number, value in found.values.items()
    }


def test_it_finds_the_fields_that_count_in_each_value_of_the_context(tmp_path):
    settings = settings_of(tmp_path)
    truth, found = truth_of(settings), found_in(settings, prepare_data(settings.data))
    assert truth.keys() == found.keys() and all(len(names) == 2 for names in truth.values())
    assert all(truth[value] <= found[value] for value in truth)
    assert sum(len(found[value] - truth[value]) for value in truth) <= 4


def test_where_nothing_tells_anything_little_is_found(tmp_path):
    settings = settings_of(tmp_path, interactions=[])
    found = found_in(settings, prepare_data(settings.data))
    assert sum(map(len, found.values())) <= 12, "of 60; a gain below 0 is usual where rates are learned from nothing"


def test_where_the_context_decides_nothing_hardly_anything_is_left_out(tmp_path):
    data = {"recipe": "adult", "folder": str(tmp_path / "data")}
    settings = settings_of(tmp_path, data=data, worth={"context": "relationship"})
    encoded = prepare_data(settings.data)
    found = find_context(settings, encoded)
    left_out = found.context.left_out
    assert len(left_out) == 13 and sum(map(len, left_out.values())) < 0.1 * len(found.values) * len(left_out)


def test_the_context_is_found_and_where_there_is_none_none_is(tmp_path):
    settings = settings_of(tmp_path, worth={"context": "auto"})
    named = replace(settings, worth=replace(settings.worth, context="context"))
    encoded = prepare_data(settings.data)
    assert find_context(settings, encoded) == find_context(named, encoded)
    for place, interactions in enumerate(([], [{"fields": ["field"]}], [{"fields": ["field_1", "field_2"]}])):
        data = {"recipe": "planted-context", "folder": str(tmp_path / f"data-{place}")}
        data["options"] = {**settings.data.options, "interactions": interactions}
        encoded = prepare_data(replace(settings.data, **data))
        assert find_context(settings, encoded) is None
        choice = choose_fields(settings, encoded, folder=tmp_path / "run")
        assert choice.context is None and not any("left_out_in" in line for line in choice.to_json())


def test_a_run_leaves_fields_out_by_context_and_is_better_for_it(tmp_path):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    record = run_experiment(settings, encoded, folder=tmp_path / "run", command="test")
    plain = run_experiment(replace(settings, worth=None), encoded, folder=tmp_path / "plain", command="test")
    assert record.test["auc"] > plain.test["auc"] + 0.045, "half of what is seen"
    bundle = load_bundle(tmp_path / "run" / "model")
    assert bundle.context is not None and bundle.context.field == "context"
    assert read_run(tmp_path / "run")[0].worth == record.worth
    # What a record says was left out has no say in the served model.
    name, value = next(
        (line["name"], line["left_out_in"][0]) for line in record.worth if line["kept"] and line.get("left_out_in")
    )
    fields = bundle.layout.field_names
    rows = pl.DataFrame({field: [value if field == "context" else "0"] * 2 for field in fields})
    rows = rows.with_columns(pl.Series(name, ["0", "5"]))
    scores = Scorer(bundle).score(rows)[:, 0]
    assert scores[0] == scores[1]
    other = next(value for value in ("0", "1", "2", "3", "4") if value not in _left_out(record, name))
    scores = Scorer(bundle).score(rows.with_columns(context=pl.lit(other)))[:, 0]
    assert scores[0] != scores[1]


def _left_out(record, name):
    return next(line["left_out_in"] for line in record.worth if line["name"] == name)


def test_a_resumed_run_has_the_same_context(tmp_path):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    first = choose_fields(settings, encoded, folder=tmp_path / "run")
    assert choose_fields(settings, encoded, folder=tmp_path / "run") == first
    assert choose_fields(settings, encoded, folder=tmp_path / "other") == first


def test_fields_that_count_in_a_context_stay_whatever_their_worth_on_average_and_noise_does_not(tmp_path):
    settings = settings_of(tmp_path, worth={"context": "context", "threshold": 1000.0})
    encoded = prepare_data(settings.data)
    choice = choose_fields(settings, encoded, folder=tmp_path / "run")
    assert set(choice.kept) == {"context"} | set().union(*truth_of(settings).values())
    assert choice.context.left_out.keys() == set(choice.kept) - {"context"}


def test_numbers_are_asked_in_buckets_and_lists_count_everywhere(tmp_path):
    random = np.random.default_rng(0)
    slot, price, other = random.integers(0, 2, 8000), random.normal(size=8000), random.normal(size=8000)
    price[::7] = np.nan
    chance = np.where(slot == 0, 0.3, 1 / (1 + np.exp(-2 * np.nan_to_num(price))))
    log = pl.DataFrame(
        {
            "slot": [f"s{value}" for value in slot],
            "price": price,
            "other": other,
            "tags": [["a"], ["b", "a"]] * 4000,
            "click": (random.random(8000) < chance).astype(int),
        }
    ).with_columns(pl.col("price").fill_nan(None))
    log.write_parquet(tmp_path / "log.parquet")
    Schema.infer(log, label="click").save(tmp_path / "schema.toml")
    data = {
        "path": str(tmp_path / "log.parquet"),
        "schema": str(tmp_path / "schema.toml"),
        "folder": str(tmp_path / "encoded"),
        "fields": {"price": {"encoder": "standardise"}, "other": {"encoder": "standardise"}},
    }
    settings = settings_of(tmp_path, data=data, worth={"context": "slot"})
    encoded = prepare_data(settings.data)
    assert encoded.layout.dense_width >= 3, "price has a second column for what is missing"
    found = find_context(settings, encoded)
    (s0,) = [number for number, value in found.values.items() if value == "s0"]
    assert found.context.left_out == {"price": (s0,)} and found.sure == ("price",)


def test_only_rows_that_train_are_asked(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    split, asked = encoded.split("train"), []
    part = replace(settings, data=replace(settings.data, train_share=0.2))

    def spy(contexts, fields, labels, *, pair_rows):
        asked.append((fields, labels))
        return measure_context_worth(contexts, fields, labels, pair_rows=pair_rows)

    monkeypatch.setattr("tamis.experiment.field_context.measure_context_worth", spy)
    for one, share in ((settings, 1.0), (part, 0.2)):
        find_context(one, encoded)
        trained = RowShare(share).kept(0, split.rows)
        fields, labels = asked.pop()
        got = np.stack([*fields.values(), labels])
        expected = np.stack([*(split.ids[name][trained] for name in fields), split.labels["click"][trained]])
        assert not np.array_equal(got, expected), "in no order"
        assert np.array_equal(got[:, np.lexsort(got)], expected[:, np.lexsort(expected)])


def test_of_many_rows_about_as_many_as_are_enough_are_asked_and_all_of_them_train(monkeypatch):
    monkeypatch.setattr("tamis.experiment.field_context._MOST_ROWS", 1000)
    monkeypatch.setattr("tamis.experiment.field_context._CHUNK", 7001)
    few = _rows_asked(100_000, 0.1, seed=0)
    assert 900 < len(few) < 1100 and len(set(few)) == len(few)
    assert set(few) < set(RowShare(0.1).kept(0, 100_000))
    assert set(_rows_asked(500, 1.0, seed=0)) == set(range(500))


def test_a_context_of_many_ids_takes_memory_for_those_that_rows_have(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    encoded = prepare_data(settings.data)
    counted = []

    def spy(contexts, *given, **options):
        counted.append(contexts.max() + 1)
        return measure_context_worth(contexts, *given, **options)

    plain = find_context(settings, encoded)
    monkeypatch.setattr("tamis.experiment.field_context.measure_context_worth", spy)
    assert find_context(settings, encoded) == plain
    assert counted == [len(plain.values)]


@pytest.mark.parametrize(("name", "hint"), [("contxt", "Did you mean 'context'"), ("click", "")])
def test_a_context_must_be_a_categorical_field(tmp_path, name, hint):
    settings = settings_of(tmp_path, worth={"context": name})
    encoded = prepare_data(settings.data)
    with pytest.raises(ConfigError, match=rf'context must be a categorical field or "auto"; got \'{name}\'. {hint}'):
        find_context(settings, encoded)
