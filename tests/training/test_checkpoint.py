"""A checkpoint is there whole or not at all, and a changed byte is noticed."""

import json
import os

import pytest
import torch
from torch import nn

from tamis.errors import CheckpointError
from tamis.training import checkpoint
from tamis.training.checkpoint import (
    keep_checkpoints,
    latest_checkpoint,
    load_model_tensors,
    model_tensors,
    read_checkpoint,
    write_checkpoint,
)

PARTS = {"weights": {"a": torch.arange(6.0).view(2, 3).T, "steps": torch.tensor(3)}, "random": {}}
STATE = {"epoch": 1, "loss": [0.1, 1 / 3]}


def test_what_is_written_is_read_back(tmp_path):
    back = read_checkpoint(write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE))
    assert back.state == STATE
    assert torch.equal(back.tensors["weights"]["a"], PARTS["weights"]["a"])
    assert back.tensors["weights"]["steps"].shape == () and back.tensors["random"] == {}


def test_only_the_parts_asked_for_are_read(tmp_path):
    path = write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)
    (path / "random.safetensors").unlink()
    assert list(read_checkpoint(path, parts=["weights"]).tensors) == ["weights"]
    with pytest.raises(CheckpointError, match=r"step-5/random.safetensors: is missing from the checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json"])
def test_a_changed_byte_is_named_with_both_checksums(tmp_path, name):
    path = write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)
    expected = json.loads((path / "manifest.json").read_text())["files"][name]["sha256"]
    content = bytearray((path / name).read_bytes())
    content[-1] ^= 1
    (path / name).write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=rf"{name}: is damaged: expected sha256 {expected} .*, got [0-9a-f]+"):
        read_checkpoint(path)


def test_a_truncated_file_is_named_with_both_sizes(tmp_path):
    path = write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)
    file = path / "weights.safetensors"
    size = file.stat().st_size
    os.truncate(file, 10)
    with pytest.raises(CheckpointError, match=rf"\({size} bytes\), got .* \(10 bytes\)"):
        read_checkpoint(path)


def test_a_missing_or_damaged_manifest_is_named(tmp_path):
    path = write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)
    (path / "manifest.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"manifest.json: is damaged; it must be JSON with 'format'"):
        read_checkpoint(path)
    (path / "manifest.json").write_text('{"format": 99, "files": {}}')
    with pytest.raises(CheckpointError, match=r"the format must be 1; got 99"):
        read_checkpoint(path)
    (path / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=r"manifest.json: is missing, so this is no checkpoint"):
        read_checkpoint(path)


def test_a_full_disk_leaves_the_old_checkpoint_and_nothing_half_written(tmp_path, monkeypatch):
    old = write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(CheckpointError, match=r"step-6: the checkpoint could not be written: .*No space left.*intact"):
        write_checkpoint(tmp_path, 6, tensors=PARTS, state=STATE)
    assert [path.name for path in tmp_path.iterdir()] == ["step-5"]
    assert read_checkpoint(old).state == STATE


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path):
    write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)
    path = write_checkpoint(tmp_path, 5, tensors=PARTS, state={"epoch": 2})
    assert read_checkpoint(path).state == {"epoch": 2}


def test_the_latest_is_the_one_of_the_highest_step_and_others_can_go(tmp_path):
    assert latest_checkpoint(tmp_path / "nowhere") is None
    for step in (9, 10, 100):
        write_checkpoint(tmp_path, step, tensors=PARTS, state=STATE)
    (tmp_path / ".step-101.unfinished").mkdir()
    latest = latest_checkpoint(tmp_path)
    assert latest is not None and latest.name == "step-100"
    keep_checkpoints(tmp_path, {9, 100})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-100", "step-9"]


def test_nothing_in_a_checkpoint_is_a_pickle(tmp_path):
    path = write_checkpoint(tmp_path, 5, tensors=PARTS, state=STATE)
    for file in path.iterdir():
        assert file.suffix in (".json", ".safetensors")
        # Pickles of protocol 2 and up begin with 0x80 and the protocol, archives of torch.save with PK.
        assert file.read_bytes()[:2] not in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def test_a_tensor_under_two_names_is_kept_once():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    tensors = model_tensors(model)
    assert sorted(tensors) == ["0.bias", "0.weight", "1.bias"]
    load_model_tensors(model, {name: torch.full_like(tensor, 3.0) for name, tensor in tensors.items()})
    assert (model[1].weight == 3.0).all()


def test_weights_of_another_model_are_refused():
    with pytest.raises(CheckpointError, match=r"'bias' has shape \(2,\) in the model and none in the checkpoint"):
        load_model_tensors(nn.Linear(2, 2), {"weight": torch.zeros(2, 2)})
