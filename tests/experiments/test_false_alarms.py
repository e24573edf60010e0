"""How often equal models are told apart."""

import json
import sys


def test_seeds_that_nobody_counts_make_false_alarms_and_those_that_count_do_not(tmp_path, monkeypatch, capsys):
    import false_alarms

    monkeypatch.setattr(false_alarms, "CASES", [{"seeds": 3, "scatter": 0.4, "unequal": 0.0}])
    out = tmp_path / "false_alarms.json"
    words = ["false_alarms.py", "--models", "8", "--rows", "300", "--families", "20", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    false_alarms.main()
    (case,) = json.loads(out.read_text())["cases"]
    assert 0.5 < case["seeds_over_rows"] < 3
    assert case["any_told_apart"]["rows"] >= 0.7
    assert case["any_told_apart"]["tamis"] <= 0.2
    assert case["pairs_below_the_level"]["tamis"] < 0.1 < case["pairs_below_the_level"]["rows"]
    assert str(out) in capsys.readouterr().out
