"""Scores as in training, with dropout acting, beside those that are served; and what runs of one file must share."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tamis.batch import Batch
from tamis.experiment import build_model, load_settings, prepare_data
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS
from tamis.training import MemorySource, evaluate

ROWS = 400
RESULTS = Path(__file__).resolve().parents[2] / "results"


@pytest.fixture(params=["ssr_s", "ssr_d"])
def model(request):
    entry = MODELS[request.param]
    torch.manual_seed(0)
    layout = Layout(tables={"user": 9}, ids=(IdField(name="user", table="user"),))
    settings = {"preset": "paper", "dim": 8, "views": (3, 2), "widths": (8, 8), "dropout": 0.5}
    return entry.build(entry.config(**settings), layout)


@pytest.fixture
def batch():
    return Batch(ids=torch.arange(ROWS)[:, None] % 9, dense=torch.empty(ROWS, 0), labels=torch.ones(ROWS, 1))


def test_a_model_scores_as_in_training_where_it_is_asked_to(model, batch):
    from why_calibration import AsInTraining

    def kept(scorer):
        source = MemorySource(batch, batch_size=ROWS)
        return evaluate(scorer, source, metrics=Rows, precision="fp32", device="cpu").metrics["label"].seen

    assert torch.equal(kept(model), kept(model))
    assert not torch.equal(kept(AsInTraining(model)), kept(model))
    assert not torch.equal(kept(AsInTraining(model)), kept(AsInTraining(model)))


class Rows:
    """A metric that keeps the probabilities."""

    def update(self, probabilities, labels, groups=None):
        self.seen = torch.from_numpy(probabilities)

    def merge(self, other):
        raise AssertionError("one process")

    def compute(self):
        return {}


def test_what_is_told_of_the_training_rows_is_told_as_served_and_as_in_training(experiment):
    from why_calibration import train_and_score

    settings = load_settings(experiment, ["model.dropout=0.5", "training.start=base_rate"])
    encoded = prepare_data(settings.data)
    found = train_and_score(build_model(settings, encoded), settings, encoded)
    assert found["calibration_ratio_train"] == pytest.approx(1, abs=0.2)
    assert found["calibration_ratio_in_training"] != found["calibration_ratio_train"]


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Run the script on copies of the records that hold its settings; how often it has measured."""
    import why_calibration

    for model in why_calibration.MODELS:
        place = why_calibration.tuned(model).relative_to(RESULTS)
        (tmp_path / place).parent.mkdir(parents=True)
        shutil.copy(RESULTS / place, tmp_path / place)
    measured = []
    monkeypatch.setattr(why_calibration, "RESULTS", tmp_path)
    monkeypatch.setattr(why_calibration, "measure", lambda run, **more: measured.append(run) or {"auc": 0.5})
    monkeypatch.setattr(sys, "argv", ["why_calibration.py", "--seeds", "0", "--out", str(tmp_path / "found.json")])

    def go(fingerprint="as ever"):
        encoded = SimpleNamespace(name="criteo-60k", fingerprint=fingerprint)
        monkeypatch.setattr(why_calibration, "prepare_data", lambda data, **more: encoded)
        why_calibration.main()
        return len(measured)

    return go


def test_runs_of_a_model_that_was_tuned_again_are_not_added_to(start):
    import why_calibration

    assert start() == start() > 0
    record = why_calibration.tuned("dcn_v2-300k")
    told = json.loads(record.read_text())
    told["settings"]["training"]["dense"]["learning_rate"] *= 2
    record.write_text(json.dumps(told))
    with pytest.raises(SystemExit, match="other or no settings. Name another place with --out."):
        start()


def test_runs_of_other_variants_or_data_are_not_added_to(start, monkeypatch):
    import why_calibration

    start()
    with pytest.raises(SystemExit, match="other or no fingerprint"):
        start("of other rows")
    monkeypatch.setitem(why_calibration.OVERRIDES, "no dropout", ("model.dropout=0.1",))
    with pytest.raises(SystemExit, match="other or no variants"):
        start()


def test_published_runs_do_not_say_of_which_data_they_are_and_are_not_added_to(start, tmp_path):
    published = (RESULTS / "studies" / "start" / "calibration.json").read_text()
    (tmp_path / "found.json").write_text(published)
    with pytest.raises(SystemExit, match="other or no fingerprint, settings, variants. Name another place with --out."):
        start()
    assert (tmp_path / "found.json").read_text() == published
