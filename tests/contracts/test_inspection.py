"""Every registered model can be looked into, at its published size, with few rows."""

import pytest
import torch

from tamis.experiment import inspect_model
from tamis.export import Bundle
from tamis.features import Field, Kind, Schema, fit_encoders
from tamis.models import MODELS
from tamis.record import Inspection
from tamis.reports import headlines, write_inspection

# What reads the fields is no dense layer of the flat vectors: it mixes fields dimension by dimension or token by token,
# multiplies them first, or there is none at all.
WITHOUT_READERS = {
    "afn", "autofis", "autoint", "deepfm", "final_mlp", "fm", "lr", "masknet", "rank_mixer", "wukong",
}  # fmt: skip


@pytest.fixture(scope="module")
def encoders(click_log):
    kinds = {
        "user_id": Kind.CATEGORICAL,
        "item_id": Kind.CATEGORICAL,
        "price": Kind.NUMERIC,
        "tags": Kind.SEQUENCE,
        "page": Kind.SCENARIO,
        "click": Kind.LABEL,
    }
    fields = [Field(name=name, kind=kind) for name, kind in kinds.items()]
    attended = Field(name="seen", kind=Kind.SEQUENCE, column="tags", share="user_id", target="user_id")
    return fit_encoders(Schema(fields=(*fields, attended)), [click_log])


@pytest.mark.parametrize("name", list(MODELS))
def test_it_is_looked_into_saved_small_and_drawn(name, encoders, click_log, tmp_path):
    config = MODELS[name].config()
    torch.manual_seed(1)
    model = MODELS[name].build(config, encoders.layout)
    bundle = Bundle(model_name=name, model_settings=config, model=model, encoders=encoders)
    found = inspect_model(bundle, [click_log[:3]], seconds=0.01)
    assert found.rows == 3
    place = found.save(tmp_path / "inspection.json")
    assert place.stat().st_size < 60_000
    assert Inspection.load(place) == Inspection.from_json(found.to_json(), where="memory")
    weights = sum(layer["blocks"] * layer["outputs"] * layer["inputs"] for layer in found.layers)
    assert bool(found.layers) == (weights > 0) == (name != "lr")
    assert weights <= found.parameters["dense"]
    readers = [layer for layer in found.layers if layer["reads_fields"]]
    assert bool(readers) == (name not in WITHOUT_READERS)
    assert all(sum(layer["fields"]["trained"]) == pytest.approx(1, abs=1e-2) for layer in readers)
    assert all(share is None or 0 <= share <= 1 for layer in found.layers for share in layer["trained"]["curve"])
    assert "as_it_is" in found.milliseconds["model"]
    assert headlines(found)[0].endswith("%." if weights else "no dense layer to look into.")
    pictures = write_inspection(found, tmp_path / "inspection.html").read_text().count("<svg")
    assert pictures >= (3 if readers else 1 if weights else 0)
