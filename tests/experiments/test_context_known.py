"""What knowing the fields that count in a context is worth."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tamis.data.readers.planted import PlantedField, PlantedInteraction, PlantedSettings, PlantedSource

ROOT = Path(__file__).resolve().parents[2]


def source_of(rows=2000, **interaction):
    settings = PlantedSettings(
        rows=rows,
        fields=(PlantedField(name="context", size=3, exponent=0.0), PlantedField(name="field", size=4, copies=5)),
        interactions=(PlantedInteraction(fields=("field",), **interaction),),
    )
    return PlantedSource(settings)


def test_just_the_values_that_count_in_a_row_are_left():
    import context_known

    source = source_of(context="context", active=2)
    log = source.head(2000)
    kept = context_known.only_what_counts(log, context_known.true_counts(source))
    (group,) = source.truth.groups
    weights = {effect.names[0]: group.weights[:, number] for number, effect in enumerate(group.effects)}
    assert kept["context"].equals(log["context"]) and kept["click"].equals(log["click"])
    for row in range(50):
        context = log["context"][row]
        for name, weight in weights.items():
            assert kept[name][row] == (log[name][row] if weight[context] > 0 else context_known.NOTHING)
    assert sum(weight[0] > 0 for weight in weights.values()) == 2


def test_where_no_context_decides_nothing_is_taken_away():
    import context_known

    source = source_of()
    log = source.head(500)
    assert context_known.only_what_counts(log, context_known.true_counts(source)).equals(log)


def test_a_pair_counts_where_it_is_active_and_not_its_fields_elsewhere():
    import context_known

    source = source_of(context="context", active=1, order=2)
    log = source.head(2000)
    kept = context_known.only_what_counts(log, context_known.true_counts(source)).select(
        "field_1", "field_2", "field_3", "field_4", "field_5"
    )
    counted = (kept.to_numpy() != context_known.NOTHING).sum(axis=1)
    assert np.array_equal(np.unique(counted), [2])


def test_knowing_helps_and_a_second_start_repeats_nothing(tmp_path, monkeypatch):
    import context_known

    mlp = {"name": "mlp", "dim": 8, "hidden": [64]}
    monkeypatch.setattr(context_known, "MODELS", {"mlp": mlp})
    monkeypatch.setattr(context_known, "TRAINING", {**context_known.TRAINING, "batch_size": 256})
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "cache"))
    words = ["context_known.py", "--truths", "4", "--out", str(tmp_path / "out"), "--rows"]
    monkeypatch.setattr(sys, "argv", [*words, "20000"])
    context_known.main()
    path = tmp_path / "out" / "planted-context.json"
    (log,) = json.loads(path.read_text())["logs"]
    auc = log["models"]["mlp"]
    assert auc["known"] > auc["as_it_is"] + 0.05 and auc["found"] > auc["as_it_is"] + 0.05  # half of what is seen
    fields = log["fields"]
    assert 20 < fields["found_and_known"] <= fields["known"] < 100 and fields["found"] < 1.7 * fields["found_and_known"]
    assert log["context_found"] == "context"
    assert log["bayes_auc"] == pytest.approx(0.83, abs=0.02)
    trained = []
    test_auc = context_known._test_auc

    def killed(*words, **more):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(test_auc(*words, **more))
        return trained[-1]

    monkeypatch.setattr(context_known, "_test_auc", killed)
    monkeypatch.setattr(sys, "argv", [*words, "20000", "3000"])
    with pytest.raises(KeyboardInterrupt):
        context_known.main()
    assert json.loads(path.read_text())["logs"] == [log]
    again = []
    monkeypatch.setattr(context_known, "_test_auc", lambda *words, **more: again.append(0.5 + len(again)) or again[-1])
    context_known.main()
    first, second = json.loads(path.read_text())["logs"]
    assert first == log and second["rows"] == 3000
    assert second["models"]["mlp"] == {"as_it_is": 0.5, "known": 1.5, "found": 2.5}


def test_logs_of_other_settings_are_kept_and_the_committed_ones_go_on(tmp_path, monkeypatch):
    import context_known

    committed = (ROOT / "results" / "context" / "planted-context.json").read_text()
    place = tmp_path / "planted-context.json"
    place.write_text(committed)
    words = ["context_known.py", "--truths", "1", "--out", str(tmp_path), "--rows"]
    monkeypatch.setattr(sys, "argv", [*words, "30000", "1000"])
    monkeypatch.setattr(context_known, "measure", lambda log: {"models": {}})
    context_known.main()
    before, after = json.loads(committed), json.loads(place.read_text())
    assert after["logs"] == [*before["logs"], {"rows": 1000, "truth": 1, "models": {}, "made_by": 0}]
    assert (after["command"], after["made_by"][0]["command"].split()[-1]) == (before["command"], "1000")
    monkeypatch.setattr(context_known, "TRAINING", {**context_known.TRAINING, "batch_size": 7})
    with pytest.raises(SystemExit, match=r"planted-context.json .* it has other or no settings\. Name another place"):
        context_known.main()
    assert json.loads(place.read_text()) == after
