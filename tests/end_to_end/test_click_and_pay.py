"""Two tasks and a history, from the shipped files to the page, on a small log in which the history decides."""

import json
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

import tamis
from tamis.cli import main
from tamis.features import Schema

FOLDER = Path("experiments/click-and-pay")
ROOT = Path(__file__).resolve().parents[2]
TASKS = ("click", "pay")
FEWER = ("training.epochs=4", "training.patience=none", "training.device=cpu")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A copy of the folder with a log of 10,000 rows, as if it were the repository."""
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / FOLDER)
    import make_log

    monkeypatch.setattr(sys, "argv", ["make_log.py", "--rows", "10000"])
    make_log.main()
    yield tmp_path
    sys.modules.pop("make_log")


def run(monkeypatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["tamis", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def trained(monkeypatch, model: str, *changes: str) -> tuple[Path, dict]:
    folder = Path("runs") / f"{model}{len(changes)}"
    settings = [word for change in (*FEWER, *changes) for word in ("--set", change)]
    run(monkeypatch, "train", str(FOLDER / f"{model}.toml"), "--out", str(folder), *settings)
    return folder, json.loads((folder / "record.json").read_text())


def test_each_task_has_its_auc_and_gauc_in_record_and_page(place, monkeypatch, capsys):
    folders = []
    for model in ("ssr_d", "mmoe"):
        folder, record = trained(monkeypatch, model)
        folders.append(str(folder))
        for part in ("valid", "test"):
            for metric in ("auc", "gauc_impression", "gauc_user", "gauc_positive"):
                values = [record[part][f"{task}.{metric}"] for task in TASKS]
                assert record[part][metric] == pytest.approx(sum(values) / 2)
                assert values[0] != values[1]
        # The history decides the click and the price the payment; both are found.
        assert record["test"]["click.auc"] > 0.6 and record["test"]["pay.auc"] > 0.7
        # The record's number of each task is that of the saved model, computed elsewhere.
        ranker, log = tamis.load(folder), pl.read_parquet("runs/click-and-pay/log.parquet")
        values, scores = ranker.evaluate(log), ranker.predict(log)
        for column, task in enumerate(TASKS):
            assert values[f"{task}.auc"] == pytest.approx(roc_auc_score(log[task], scores[:, column]), abs=1e-6)
        assert f"  {TASKS[1]}" in capsys.readouterr().out
    run(monkeypatch, "report", *folders, "--out", "page.html")
    page = Path("page.html").read_text()
    assert "Test results by task" in page
    for folder in folders:
        record = json.loads((Path(folder) / "record.json").read_text())
        for task in TASKS:
            for metric in ("auc", "gauc_impression", "gauc_user", "gauc_positive"):
                assert f"{record['test'][f'{task}.{metric}']:.4f}" in page.split("Every number")[0]


def test_what_is_planted_in_the_history_is_found_by_attention_and_not_by_a_mean(place, monkeypatch):
    encoded = Path("runs/click-and-pay/encoded/manifest.json")
    _, attended = trained(monkeypatch, "ssr_d")
    fingerprint = json.loads(encoded.read_text())["fingerprint"]
    table = Schema.load(FOLDER / "schema.toml").to_table()
    for field in table["field"]:
        field.pop("target", None)
    Schema.from_table(table).save(FOLDER / "schema.toml")
    _, means = trained(monkeypatch, "ssr_d", "training.seed=0")
    assert attended["test"]["click.auc"] > 0.6
    assert abs(means["test"]["click.auc"] - 0.5) < 0.06
    # One encoded set for both, and records that say which is which.
    assert json.loads(encoded.read_text())["fingerprint"] == fingerprint
    assert attended["data"]["fingerprint"] == means["data"]["fingerprint"] == fingerprint
    assert attended["settings"]["attended"] == {"seen": "item_id"}
    assert "attended" not in means["settings"]
    run(monkeypatch, "report", "runs/ssr_d0", "runs/ssr_d1", "--out", "page.html")
    assert "attended.seen" in Path("page.html").read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / FOLDER).glob("*.toml") if path.stem != "schema"))
def test_every_file_of_the_folder_trains(place, monkeypatch, name):
    _, record = trained(monkeypatch, name, "training.epochs=1")
    assert record["model"] == name.split("-")[0]
    assert 0.4 < record["test"]["click.auc"] < 1
