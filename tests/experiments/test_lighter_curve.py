"""The curve of lighter models, on a log small enough for seconds."""

import json
import sys


def test_every_combination_is_scored_timed_and_drawn_the_trained_model_first(run, monkeypatch, capsys):
    import lighter_curve

    out = run.parent / "knob"
    monkeypatch.setattr(sys, "argv", ["lighter_curve.py", str(run), "--rounds", "3", "--out", str(out)])
    lighter_curve.main()
    (path,) = out.glob("*.json")
    curve = json.loads(path.read_text())
    sizes = [(point["iterations"], point["views"]) for point in curve["points"]]
    assert sizes == [(steps, views) for steps in (3, 2, 1) for views in (4, 2, 1)]
    record = json.loads((run / "record.json").read_text())
    assert curve["points"][0]["test"]["auc"] == record["test"]["auc"]
    assert curve["points"][0]["auc_less_full"]["mean"] == 0
    assert curve["points"][-1]["auc_less_full"]["mean"] != 0
    assert all(min(point["milliseconds"].values()) > 0 for point in curve["points"])
    operations = [point["flops_per_row"] for point in curve["points"]]
    assert operations[:3] == sorted(set(operations), reverse=True) and operations[:3] == operations[3:6]
    assert len(capsys.readouterr().out.splitlines()) == 9
    text = path.with_suffix(".html").read_text()
    assert text.count("<svg") == 1 and "ssr_d on" in text
    assert text.count("<tr>") == 1 + 9 and 'name="viewport"' in text
    hostile = lighter_curve.page(curve | {"dataset": "<script>"})
    assert "<script>" not in hostile and hostile.count("&lt;script&gt;") == 3  # title, heading and picture
