"""The sparsity lab on finished runs."""

import json
import sys


def test_a_share_of_the_rows_is_looked_at_and_the_record_lies_where_results_do(run, tmp_path, monkeypatch, capsys):
    import sparsity

    out = tmp_path / "sparsity"
    monkeypatch.setattr(sys, "argv", ["sparsity.py", str(run), "--share", "0.2", "--out", str(out)])
    sparsity.main()
    record = json.loads((run / "record.json").read_text())
    place = out / record["dataset"] / record["split"] / "ssr_d" / "seed-0.json"
    found = json.loads(place.read_text())
    assert (found["dataset"], found["seed"], found["model"]) == (record["dataset"], 0, "ssr_d")
    assert 450 < found["rows"] < 750
    assert found["filters"][0]["kind"] == "dynamic" and found["layers"][0]["reads_fields"]
    assert capsys.readouterr().out.strip() == f"{place} {found['rows']:,} rows"
