"""Checkpoints: folders of safetensors and JSON, whole or absent, each file with its checksum."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tamis.errors import CheckpointError
from tamis.record import remove_whole

FORMAT = 1
MANIFEST = "manifest.json"
STATE = "state.json"
_WAY_OUT = "Delete this folder to resume from an older checkpoint or from the beginning."


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was read back: ``tensors`` by part and name, and the counters of ``state``."""

    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, Any]


def write_checkpoint(
    folder: Path, step: int, *, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]
) -> Path:
    """Write ``folder/step-N`` so that it is there whole or not at all; return its path.

    ``tensors`` gives the tensors of each part; part ``weights`` becomes ``weights.safetensors``.

    Raises:
        CheckpointError: the disk is full or cannot be written; what was there before is intact.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     parts = {"weights": {"w": torch.ones(2)}}
        ...     path = write_checkpoint(Path(folder), 7, tensors=parts, state={"epoch": 1})
        ...     path.name, sorted(file.name for file in path.iterdir()), read_checkpoint(path).state
        ('step-7', ['manifest.json', 'state.json', 'weights.safetensors'], {'epoch': 1})
    """
    target, aside = folder / f"step-{step}", folder / f".step-{step}.unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for part, named in tensors.items():
            whole = {name: tensor.detach().cpu().contiguous() for name, tensor in named.items()}
            save_file(whole, aside / f"{part}.safetensors")
        (aside / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
        files = {path.name: _facts(path) for path in sorted(aside.iterdir())}
        manifest = json.dumps({"format": FORMAT, "files": files}, indent=1)
        (aside / MANIFEST).write_text(manifest, encoding="utf-8")
        for path in (*aside.iterdir(), aside):
            _sync(path)
        remove_whole(target)
        os.replace(aside, target)
        _sync(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise CheckpointError(
            f"{target}: the checkpoint could not be written: {error}. Older checkpoints are intact; "
            f"make room on the disk and resume."
        ) from error
    return target


def read_checkpoint(path: Path, *, parts: Iterable[str] | None = None) -> Checkpoint:
    """Read a checkpoint folder, or only some ``parts`` of its tensors, after checking every file to be read.

    Raises:
        CheckpointError: a file is missing, or its checksum is not the one in the manifest.
    """
    manifest = _read_manifest(path)
    stored = [name.removesuffix(".safetensors") for name in manifest if name.endswith(".safetensors")]
    wanted = stored if parts is None else list(parts)
    for name in (STATE, *(f"{part}.safetensors" for part in wanted)):
        _check_file(path / name, manifest.get(name))
    return Checkpoint(
        tensors={part: load_file(path / f"{part}.safetensors") for part in wanted},
        state=json.loads((path / STATE).read_text(encoding="utf-8")),
    )


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the highest step, or None if there is none."""
    return max(folder.glob("step-*"), key=_step_of, default=None)


def keep_checkpoints(folder: Path, steps: Iterable[int]) -> None:
    """Delete every checkpoint but those of ``steps``, and what a killed process left half-written or half-deleted."""
    kept = {f"step-{step}" for step in steps}
    for path in folder.glob("step-*"):
        if path.name not in kept:
            remove_whole(path)
    for path in folder.glob(".step-*"):
        shutil.rmtree(path)


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The weights and buffers a checkpoint must hold; a tensor under two names is held once, under the first.

    Example:
        >>> sorted(model_tensors(nn.BatchNorm1d(2)))
        ['bias', 'num_batches_tracked', 'running_mean', 'running_var', 'weight']
    """
    named: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and id(tensor) not in seen:
            seen.add(id(tensor))
            named[name] = tensor
    return named


@torch.no_grad()
def load_model_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy checkpointed weights into ``model``.

    Raises:
        CheckpointError: names or shapes are not those of the model.
    """
    own = model_tensors(model)
    expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
    got = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != got:
        name = min(name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name))
        raise CheckpointError(
            f"the checkpoint does not fit the model: {name!r} has shape {expected.get(name, 'none')} in the "
            f"model and {got.get(name, 'none')} in the checkpoint. Build the model with the settings of that "
            f"run."
        )
    for name, tensor in own.items():
        tensor.copy_(tensors[name])


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        found, files = manifest["format"], manifest["files"]
    except FileNotFoundError:
        raise CheckpointError(f"{file}: is missing, so this is no checkpoint. {_WAY_OUT}") from None
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{file}: is damaged; it must be JSON with 'format' and 'files'. {_WAY_OUT}") from None
    if found != FORMAT:
        raise CheckpointError(f"{file}: the format must be {FORMAT}; got {found}. Use the tamis that wrote it.")
    return files


def _check_file(path: Path, expected: dict[str, Any] | None) -> None:
    if expected is None or not path.is_file():
        raise CheckpointError(f"{path}: is missing from the checkpoint. {_WAY_OUT}")
    got = _facts(path)
    if got != expected:
        raise CheckpointError(
            f"{path}: is damaged: expected sha256 {expected['sha256']} ({expected['bytes']} bytes), "
            f"got {got['sha256']} ({got['bytes']} bytes). {_WAY_OUT}"
        )


def _facts(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _step_of(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
