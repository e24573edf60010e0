"""Parts of BatchNorm: what a file must share with what is added to it, and a run of each part."""

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tamis.experiment import load_settings, prepare_data

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "studies" / "input-norm" / "parts.json"


@pytest.fixture
def start(tmp_path, monkeypatch):
    import why_batch_norm

    measured = []
    monkeypatch.setattr(sys, "argv", ["why_batch_norm.py", "--seeds", "0", "--out", str(tmp_path / "parts.json")])
    monkeypatch.setattr(why_batch_norm, "measure", lambda run, **more: measured.append(run) or {"valid_auc": 0.5})

    def go(fingerprint="as ever"):
        encoded = SimpleNamespace(name="planted-39-rows-5000000", fingerprint=fingerprint)
        monkeypatch.setattr(why_batch_norm, "prepare_data", lambda data: encoded)
        why_batch_norm.main()
        return len(measured)

    return go


def change_a_variant(script, monkeypatch):
    changed = dataclasses.replace(script.VARIANTS["scale"], centres=True)
    monkeypatch.setitem(script.VARIANTS, "scale", changed)


def change_the_dim(script, monkeypatch):
    monkeypatch.setitem(script.MODELS["mlp"], "dim", 8)


def change_the_training(script, monkeypatch):
    monkeypatch.setitem(script.TRAINING, "batch_size", 7)


@pytest.mark.parametrize(
    ("change", "fact"),
    [(change_a_variant, "variants"), (change_the_dim, "settings"), (change_the_training, "settings")],
)
def test_runs_of_other_variants_or_settings_are_not_added_to(start, monkeypatch, change, fact):
    import why_batch_norm

    assert start() == start() == 10
    change(why_batch_norm, monkeypatch)
    with pytest.raises(SystemExit, match=f"other or no {fact}. Name another place with --out."):
        start()


def test_runs_of_other_data_are_not_added_to(start):
    start()
    with pytest.raises(SystemExit, match="other or no fingerprint"):
        start("of other rows")


def test_published_runs_do_not_say_of_which_data_they_are_and_are_not_added_to(start, tmp_path):
    (tmp_path / "parts.json").write_text(PUBLISHED.read_text())
    with pytest.raises(SystemExit, match="other or no fingerprint, settings, variants. Name another place with --out."):
        start()
    assert (tmp_path / "parts.json").read_text() == PUBLISHED.read_text()
    assert json.loads(PUBLISHED.read_text())["settings"]


@pytest.mark.parametrize("variant", ["none", "centre and scale", "base rate"])
def test_a_variant_is_trained(experiment, monkeypatch, variant):
    import why_batch_norm

    monkeypatch.setitem(why_batch_norm.TRAINING, "batch_size", 256)
    settings = load_settings(experiment)
    data = settings.to_table()["data"]
    run = {"model": "mlp", "variant": variant, "seed": 0}
    found = why_batch_norm.measure(run, data=data, encoded=prepare_data(settings.data))
    assert 0.4 < found["valid_auc"] < 1
