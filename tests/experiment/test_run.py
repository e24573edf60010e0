"""A run, whole: what it writes, what it promises, and how it goes on after a kill."""

import dataclasses
import json

import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tamis.data import RowShare, SplitSettings, make_splitter
from tamis.errors import CheckpointError, ConfigError, DataError
from tamis.experiment import prepare_data, read_scores, read_settings, run_experiment, run_folder
from tamis.export import load_bundle
from tamis.features import Schema
from tamis.kernels import kernels_state
from tamis.models import MODELS
from tamis.record import read_run
from tamis.serving import Scorer
from tamis.training import compilation


@pytest.fixture(scope="module")
def click_log(click_log):
    """The log of all tests, with a history that can be attended from the item."""
    items = click_log["item_id"].to_list()
    return click_log.with_columns(seen=pl.Series([items[max(0, row - row % 4) : row] for row in range(len(items))]))


@pytest.fixture
def log_file(click_log, tmp_path):
    click_log.write_parquet(tmp_path / "log.parquet")
    table = Schema.infer(click_log, label="click", scenario="page", sequences=["seen"]).to_table()
    for field in table["field"]:
        if field["name"] == "seen":
            field |= {"share": "item_id", "target": "item_id"}
    Schema.from_table(table).save(tmp_path / "schema.toml")
    return tmp_path / "log.parquet"


# Each model as small as it goes.
SMALL = {
    "afn": {"dim": 4, "neurons": 3, "hidden": [8]},
    "autoint": {"dim": 4, "num_layers": 1, "attention_width": 4},
    "autofis": {"dim": 4, "hidden": [8]},
    "dcn_v2": {"dim": 4, "hidden": [8]},
    "din": {"dim": 4, "hidden": [8]},
    "deepfm": {"dim": 4, "hidden": [8]},
    "final_mlp": {"dim": 4, "first_hidden": [8], "second_hidden": [4], "heads": 2, "gate_hidden": [4]},
    "final_net": {"dim": 4, "first_hidden": [8], "second_hidden": [4]},
    "fm": {"dim": 4},
    "gdcn": {"dim": 4, "hidden": [8]},
    "lr": {},
    "masknet": {"dim": 4, "num_blocks": 2, "block_width": 4, "hidden": [8]},
    "mlp": {"dim": 4, "hidden": [8]},
    "mmoe": {"dim": 4, "num_experts": 2, "expert_hidden": [8], "head": [4]},
    "rank_mixer": {"dim": 4, "num_tokens": 4, "token_width": 8},
    "ssr_d": {"dim": 4, "views": [2], "widths": [8]},
    "ssr_s": {"dim": 4, "views": [2], "widths": [8]},
    "wukong": {"dim": 4, "num_layers": 2, "interacted": 2, "compressed": 2, "rank": 2, "layer_hidden": [8]},
}
# The numbers of one id, where they are not a vector of 4.
TABLE_WIDTHS = {"autofis": 5, "deepfm": 5, "fm": 5, "lr": 1}


def settings_for(log_file, model="mlp", **training):
    return read_settings(
        {
            "data": {
                "path": str(log_file),
                "schema": str(log_file.parent / "schema.toml"),
                "folder": str(log_file.parent / "encoded"),
            },
            "model": {"name": model, **SMALL[model]},
            "training": {"epochs": 2, "batch_size": 128, "device": "cpu", **training},
        },
        where="test",
    )


@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_run_leaves_a_record_a_curve_and_a_model_that_agree(model, log_file, tmp_path, click_log):
    settings = settings_for(log_file, model)
    encoded = prepare_data(settings.data)
    folder = tmp_path / "run"
    record = run_experiment(settings, encoded, folder=folder, command="test")
    assert record is not None
    assert sum(record.rows.values()) == len(click_log)
    assert record.test["rows"] == record.rows["test"]
    assert record.parameters["embedding"] == sum(encoded.layout.tables.values()) * TABLE_WIDTHS.get(model, 4)
    # Only matrix products are counted, and weights alone have none; all other models attend to the history at least.
    assert (record.flops["forward_per_row"] > 0) == (model != "lr")
    assert record.settings["attended"] == {"seen": "item_id"}
    assert record.data["fingerprint"] == encoded.fingerprint
    assert record.command == "test"
    read, curve = read_run(folder)
    assert read == record
    assert curve[-1].rows == 2 * record.rows["train"]
    # What the record says of the test rows is what the saved model says of them, through the serving door.
    scorer = Scorer(load_bundle(folder / "model"))
    test_rows = click_log.filter(pl.Series(make_splitter(SplitSettings()).assign(click_log, 0) == 2))
    served = scorer.score(test_rows)[:, 0]
    assert record.test["auc"] == pytest.approx(roc_auc_score(test_rows["click"].to_numpy(), served), abs=1e-6)
    assert sum(entry["rows"] for entry in record.slices if entry["slice"] == "page") == record.rows["test"]
    assert sum(entry["rows"] for entry in record.reliability) == record.rows["test"]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by torch's compiler
def test_the_record_says_what_ran(log_file, tmp_path, monkeypatch):
    encoded = prepare_data(settings_for(log_file).data)

    def said(name, **training):
        settings = settings_for(log_file, epochs=1, **training)
        record = run_experiment(settings, encoded, folder=tmp_path / name, command="test")
        assert record is not None
        return record.machine["kernels"], record.machine["trunk"]

    def no_compiler(graph, inputs):
        raise OSError("disk on fire")

    assert said("auto") == (kernels_state(), "eager")
    monkeypatch.setattr(compilation, "BACKEND", no_compiler)
    monkeypatch.setenv("TAMIS_KERNELS", "off")
    assert said("on", compile="on") == ("torch: TAMIS_KERNELS is off", "eager: OSError: disk on fire")


def test_how_to_compile_must_be_one_of_three(log_file):
    with pytest.raises(ConfigError, match=r"compile.*'auto', 'on', 'off'.*'maybe'"):
        settings_for(log_file, compile="maybe")


def test_a_run_may_begin_at_the_click_rate_of_its_training_rows(log_file, tmp_path, click_log):
    rare = click_log.filter((pl.col("click") == 0) | (pl.int_range(pl.len()) % 10 == 0))
    rare.write_parquet(log_file)
    encoded = prepare_data(settings_for(log_file).data)
    [rate] = encoded.base_rates("train")

    def promised(start):  # the mean chance, where next to nothing is learned
        slow = {"epochs": 1, "tables": {"learning_rate": 1e-9}, "dense": {"learning_rate": 1e-9}}
        settings = settings_for(log_file, "lr", start=start, **slow)
        record = run_experiment(settings, encoded, folder=tmp_path / start, command="test")
        assert record.settings["training"]["start"] == start
        assert any("promises" in alarm for alarm in record.alarms) == (start == "half")
        return record.valid["calibration_ratio"] * record.valid["positives"] / record.valid["rows"]

    assert rate < 0.2
    assert promised("base_rate") == pytest.approx(rate, rel=0.02)
    assert promised("half") == pytest.approx(0.5, rel=0.02)


def test_scores_are_kept_row_by_row_if_asked_for(log_file, tmp_path):
    settings = settings_for(log_file)
    encoded = prepare_data(settings.data)
    record = run_experiment(settings, encoded, folder=tmp_path / "kept", command="test", keep_scores=True)
    probabilities, labels = read_scores(tmp_path / "kept")
    assert probabilities.shape == labels.shape == (record.rows["test"], 1)
    assert record.test["auc"] == pytest.approx(roc_auc_score(labels[:, 0], probabilities[:, 0]), abs=1e-9)
    assert labels[:, 0].tolist() == encoded.split("test").labels["click"].tolist()
    run_experiment(settings, encoded, folder=tmp_path / "bare", command="test")
    with pytest.raises(DataError, match=r"scores.npy: no such file; the run kept no scores"):
        read_scores(tmp_path / "bare")


def test_a_share_of_the_training_rows_trains_and_leaves_validation_and_test_as_they_are(log_file, tmp_path):
    whole = settings_for(log_file)
    encoded = prepare_data(whole.data)
    part = dataclasses.replace(whole, data=dataclasses.replace(whole.data, train_share=0.25))
    records = [
        run_experiment(one, encoded, folder=tmp_path / f"run{n}", command="test") for n, one in enumerate((whole, part))
    ]
    assert records[0] is not None and records[1] is not None
    assert records[1].rows["train"] == len(RowShare(0.25).kept(0, records[0].rows["train"]))
    assert {**records[1].rows, "train": 0} == {**records[0].rows, "train": 0}
    assert records[1].test["rows"] == records[0].test["rows"]
    assert records[1].data["fingerprint"] == records[0].data["fingerprint"]
    assert records[1].settings["data"]["train_share"] == 0.25 and "train_share" not in records[0].settings["data"]
    # The cohorts count the rows that trained.
    users, kept = encoded.split("train").groups, RowShare(0.25).kept(0, records[0].rows["train"])
    for record, trained in zip(records, (users, users[kept]), strict=True):
        counts = [int((trained == user).sum()) for user in encoded.split("test").groups]
        cohorts = {part["value"]: part["rows"] for part in record.slices if part["slice"] == "training rows of group"}
        assert cohorts.get("1 to 9", 0) == sum(1 <= count <= 9 for count in counts)
        assert cohorts.get("30 to 99", 0) == sum(30 <= count <= 99 for count in counts)
    assert records[0].slices != records[1].slices
    with pytest.raises(CheckpointError, match="train_share"):
        run_experiment(part, encoded, folder=tmp_path / "run0", command="test", resume=True)


def test_a_share_of_training_rows_must_be_a_share(log_file):
    with pytest.raises(ConfigError, match=r"\[data\] train_share must be above 0 and at most 1; got 0"):
        read_settings(
            {"data": {"recipe": "adult", "train_share": 0.0}, "model": {"name": "mlp"}, "training": {}}, where="test"
        )


def test_the_same_seed_gives_the_same_run_and_another_seed_another(log_file, tmp_path):
    encoded = prepare_data(settings_for(log_file).data)
    runs = [
        run_experiment(settings_for(log_file, seed=seed), encoded, folder=tmp_path / name, command="test")
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert runs[0].test == runs[1].test
    assert runs[0].test != runs[2].test


def test_a_finished_folder_is_not_overwritten_by_accident(log_file, tmp_path):
    settings = settings_for(log_file)
    encoded = prepare_data(settings.data)
    run_experiment(settings, encoded, folder=tmp_path / "run", command="test")
    with pytest.raises(CheckpointError):
        run_experiment(settings, encoded, folder=tmp_path / "run", command="test")


def test_resuming_with_another_model_is_refused(log_file, tmp_path):
    encoded = prepare_data(settings_for(log_file).data)
    run_experiment(settings_for(log_file), encoded, folder=tmp_path / "run", command="test")
    with pytest.raises(CheckpointError, match="dim"):
        other = settings_for(log_file)
        changed = read_settings({**other.to_table(), "model": {**other.to_table()["model"], "dim": 8}}, where="test")
        run_experiment(changed, encoded, folder=tmp_path / "run", command="test", resume=True)


def test_a_file_that_changed_since_it_was_encoded_is_refused(log_file, tmp_path, click_log):
    settings = settings_for(log_file)
    encoded = prepare_data(settings.data)
    click_log.reverse().write_parquet(log_file)
    with pytest.raises(DataError, match=r"log.parquet .*changed"):
        run_experiment(settings, encoded, folder=tmp_path / "run", command="test")


def test_pure_noise_is_called_noise(log_file, tmp_path, click_log):
    """The negative control: shuffled labels must give a test AUC near 0.5."""
    noise = click_log.with_columns(click=click_log["click"].shuffle(seed=0))
    noise.write_parquet(log_file)
    settings = settings_for(log_file, epochs=1)
    record = run_experiment(settings, prepare_data(settings.data), folder=tmp_path / "run", command="test")
    assert abs(record.test["auc"] - 0.5) < 0.12  # four standard errors of an AUC of 200 rows


def test_a_setting_of_a_field_is_changed_by_name(log_file):
    table = settings_for(log_file).to_table()
    table["data"]["fields"] = {"user_id": {"min_count": 60}}
    encoded = prepare_data(read_settings(table, where="test").data)
    assert encoded.layout.tables["user_id"] < 42
    table["data"]["fields"] = {"usr_id": {"min_count": 60}}
    with pytest.raises(ConfigError, match=r"names no field of the schema: 'usr_id'. Did you mean 'user_id'\?"):
        prepare_data(read_settings(table, where="test").data)


def test_given_files_are_taken_as_they_are(click_log, tmp_path, log_file):
    for name, part in (
        ("train", click_log[:1600]),
        ("valid", click_log[1600:1800]),
        ("test", click_log[1800:]),
    ):
        part.write_parquet(tmp_path / f"{name}.parquet")
    table = settings_for(log_file).to_table()
    table["data"] = {
        **{name: str(tmp_path / f"{name}.parquet") for name in ("train", "valid", "test")},
        "schema": str(tmp_path / "schema.toml"),
        "folder": str(tmp_path / "given"),
    }
    encoded = prepare_data(read_settings(table, where="test").data)
    assert [encoded.rows(name) for name in ("train", "valid", "test")] == [1600, 200, 200]
    assert run_folder(tmp_path, read_settings(table, where="test"), encoded) == tmp_path / "train/given/mlp/seed-0"


def test_the_record_is_valid_json_without_nan(log_file, tmp_path):
    settings = settings_for(log_file)
    run_experiment(settings, prepare_data(settings.data), folder=tmp_path / "run", command="test")

    def refuse(constant):
        raise AssertionError(constant)

    json.loads((tmp_path / "run" / "record.json").read_text(), parse_constant=refuse)


def test_without_a_validation_file_a_share_of_the_training_rows_validates(click_log, tmp_path, log_file):
    click_log[:1600].write_parquet(tmp_path / "train.parquet")
    click_log[1600:].write_parquet(tmp_path / "test.parquet")
    table = settings_for(log_file).to_table()
    table["data"] = {
        **{name: str(tmp_path / f"{name}.parquet") for name in ("train", "test")},
        "schema": str(tmp_path / "schema.toml"),
        "folder": str(tmp_path / "carved"),
        "valid_fraction": 0.25,
    }
    encoded = prepare_data(read_settings(table, where="test").data)
    assert encoded.rows("train") + encoded.rows("valid") == 1600
    assert 330 < encoded.rows("valid") < 470
    assert encoded.rows("test") == 400


def test_tables_in_half_precision_are_saved_loaded_and_served_as_they_were_trained(log_file, tmp_path):
    records = {}
    for dtype in ("fp32", "bf16"):
        settings = settings_for(log_file, tables={"dtype": dtype})
        folder = tmp_path / dtype
        records[dtype] = run_experiment(settings, prepare_data(settings.data), folder=folder, command="test")
    model = load_bundle(tmp_path / "bf16" / "model").model
    assert model.embed.table.weight.dtype == torch.bfloat16
    assert records["bf16"].settings["training"]["tables"]["dtype"] == "bf16"
    assert records["bf16"].test["auc"] == pytest.approx(records["fp32"].test["auc"], abs=0.05)
    sizes = {dtype: (tmp_path / dtype / "model" / "weights.safetensors").stat().st_size for dtype in records}
    assert sizes["fp32"] - sizes["bf16"] == pytest.approx(2 * records["fp32"].parameters["embedding"], abs=64)
