"""A bundle is whole or refused."""

import json
from dataclasses import replace

import polars as pl
import pytest
import torch

from tamis.data.batching import make_batch
from tamis.errors import CheckpointError
from tamis.export import Bundle, load_bundle, save_bundle
from tamis.features import Context, Field, Kind, Schema, fit_encoders
from tamis.models import MODELS


def make_bundle(log: pl.DataFrame, name: str = "mlp", seed: int = 0) -> Bundle:
    history = Field(name="seen", column="tags", kind=Kind.SEQUENCE, share="page", target="page")
    schema = Schema(fields=(*Schema.infer(log, label="click").fields, history))
    encoders = fit_encoders(schema, [log])
    torch.manual_seed(seed)
    settings = MODELS[name].config()
    model = MODELS[name].build(settings, encoders.layout).eval()
    return Bundle(model_name=name, model_settings=settings, model=model, encoders=encoders)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_loaded_model_scores_exactly_like_the_saved_one(name, click_log, tmp_path):
    bundle = make_bundle(click_log, name)
    save_bundle(tmp_path / "model", bundle)
    loaded = load_bundle(tmp_path / "model")
    batch = make_batch(bundle.encoders.encode(click_log[:50]), bundle.layout)
    with torch.no_grad():
        assert torch.equal(bundle.model(batch).logits, loaded.model(batch).logits)
    assert loaded.model_name == name
    assert loaded.model_settings == bundle.model_settings
    assert loaded.layout == bundle.layout


def test_a_loaded_model_leaves_out_what_the_saved_one_left_out(click_log, tmp_path):
    plain = make_bundle(click_log)
    context = Context(field="page", left_out={"user_id": (2, 3)})
    model = MODELS["mlp"].build(plain.model_settings, replace(plain.layout, context=context)).eval()
    bundle = replace(plain, model=model, context=context)
    save_bundle(tmp_path / "model", bundle)
    loaded = load_bundle(tmp_path / "model")
    assert loaded.layout == bundle.layout and loaded.context == context
    batch = make_batch(bundle.encoders.encode(click_log[:50]), bundle.layout)
    plain.model.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(model(batch).logits, loaded.model(batch).logits)
        assert not torch.equal(model(batch).logits, plain.model(batch).logits)


def test_saving_again_replaces_the_whole_folder(click_log, tmp_path):
    save_bundle(tmp_path / "model", make_bundle(click_log, seed=0))
    second = make_bundle(click_log, seed=1)
    save_bundle(tmp_path / "model", second)
    loaded = load_bundle(tmp_path / "model")
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), second.model.parameters(), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_never_replaced(click_log, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="holds files that are not a saved model"):
        save_bundle(tmp_path, make_bundle(click_log))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_damaged_file_is_named(click_log, tmp_path):
    folder = save_bundle(tmp_path / "model", make_bundle(click_log))
    weights = folder / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights.safetensors is damaged: its checksum is not the one"):
        load_bundle(folder)


def test_a_missing_file_is_named(click_log, tmp_path):
    folder = save_bundle(tmp_path / "model", make_bundle(click_log))
    (folder / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"weights.safetensors is missing"):
        load_bundle(folder)


def test_a_folder_without_a_model_says_what_to_name_instead(tmp_path):
    with pytest.raises(CheckpointError, match="is not a saved model: it has no bundle.json"):
        load_bundle(tmp_path)


def test_a_bundle_of_a_newer_tamis_asks_for_an_update(click_log, tmp_path):
    folder = save_bundle(tmp_path / "model", make_bundle(click_log))
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CheckpointError, match="in format 99; this tamis reads up to 1. Update tamis"):
        load_bundle(folder)
