"""What fields look worth in each epoch."""

import json
import statistics
import sys

import pytest


def test_noise_has_no_worth_in_the_first_epoch_and_looks_certain_in_the_second(
    scripts_of, tmp_path, monkeypatch, capsys
):
    scripts_of("experiments")
    import worth_by_epoch

    recipe = worth_by_epoch.read_settings

    def smaller(table, *, where):
        fields = [{"name": "signal", "size": 8, "copies": 3}, {"name": "noise", "size": 300, "copies": 20}]
        options = {"rows": 12_000, "fields": fields, "interactions": [{"fields": ["signal"]}]}
        data = {**table["data"], "options": options, "folder": str(tmp_path / "data")}
        return recipe({**table, "data": data, "training": {**table["training"], "batch_size": 64}}, where=where)

    monkeypatch.setattr(worth_by_epoch, "read_settings", smaller)
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    words = ["worth_by_epoch.py", "--seeds", "0", "--epochs", "2", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", words)
    worth_by_epoch.main()
    (path,) = (tmp_path / "out").glob("*.json")
    first, second = json.loads(path.read_text())["seeds"][0]["epochs"]
    assert (len(first["true"]), len(first["noise"])) == (3, 20) and min(first["true"]) > 4
    assert statistics.fmean(first["noise"]) == pytest.approx(0, abs=0.75)
    assert statistics.fmean(second["noise"]) > 3.4  # half of what is seen
    assert "epoch 2: mean z of signal" in capsys.readouterr().out
