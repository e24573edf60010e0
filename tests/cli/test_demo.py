"""The demo, small: what it leaves and what it says when the data are not to be had."""

import json
import sys

import pytest

import tamis.cli.demo as demo_module
from tamis.cli import main


@pytest.fixture
def run_demo(monkeypatch, capsys, tmp_path):
    def run(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(sys, "argv", ["tamis", "demo", "--out", "runs/demo", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, written.err

    return run


def test_offline_the_census_set_runs_and_the_summary_has_what_a_machine_reads(run_demo, monkeypatch, tmp_path):
    monkeypatch.setattr(demo_module, "DEMO_MODELS", ("mlp", "ssr_s"))
    code, out, err = run_demo("--offline", "--seeds", 1)
    assert code == 0, err
    assert "Adult census" in err
    summary = json.loads((tmp_path / "runs/demo/summary.json").read_text())
    assert summary["dataset"] == "adult"
    assert {line["model"] for line in summary["models"]} == {"mlp", "ssr_s"}
    for line in summary["models"]:
        assert {"parameters", "auc_mean", "auc_low", "auc_high", "log_loss", "rows_per_second"} <= line.keys()
        assert 0.88 < line["auc_mean"] < 0.95
    page = (tmp_path / "runs/demo/report.html").read_text()
    assert "<svg" in page and "ssr_s" in page
    assert "report.html" in out


def test_offline_with_a_folder_that_holds_nothing_lists_what_was_tried(run_demo, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run_demo("--offline", "--from", tmp_path / "empty")
    assert code == 1
    assert "movielens-100k" in err and "--from" in err
