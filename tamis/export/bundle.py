"""The bundle: weights, settings and encoders in one folder, every file with its checksum."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from tamis import __version__
from tamis.config import read_config, write_config
from tamis.embeddings import tables_stored
from tamis.errors import CheckpointError
from tamis.features import Context, Encoders, Layout
from tamis.models import MODELS

FORMAT = 1
MANIFEST, WEIGHTS, ENCODERS = "bundle.json", "weights.safetensors", "encoders"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model ready to score, in evaluation mode, with the encoders that prepare its rows.

    ``context`` says which fields count in which of them, None that all do.
    """

    model_name: str
    model_settings: Any
    model: nn.Module
    encoders: Encoders
    context: Context | None = None

    @property
    def layout(self) -> Layout:
        """The shape of the rows the model takes."""
        return replace(self.encoders.layout, context=self.context)


def save_bundle(folder: Path | str, bundle: Bundle) -> Path:
    """Write ``bundle`` to ``folder``, aside first and then in one rename, so that a half-written one is never seen."""
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise CheckpointError(
            f"{folder} holds files that are not a saved model, and saving would replace them. Name another folder."
        )
    aside = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in bundle.model.state_dict().items()}
    save_file(state, aside / WEIGHTS)
    bundle.encoders.save(aside / ENCODERS)
    manifest = {
        "format": FORMAT,
        "tamis": __version__,
        "model": {"name": bundle.model_name, **write_config(bundle.model_settings)},
        "layout": bundle.layout.to_json(),
        "files": {name: _facts(aside / name) for name in _files(aside)},
    }
    (aside / MANIFEST).write_text(json.dumps(manifest, indent=1))
    _replace_folder(aside, folder)
    return folder


def load_bundle(folder: Path | str) -> Bundle:
    """Read what ``save_bundle`` wrote; every checksum is verified before anything is used.

    Tables that were trained in bfloat16 stay so, in half the memory; they are looked up as float32.

    Raises:
        CheckpointError: the folder is not a bundle, a file is missing or damaged, or a newer tamis wrote it.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    for name, facts in manifest["files"].items():
        if not (folder / name).exists():
            raise CheckpointError(f"{folder / name} is missing. Copy the whole folder again, or train again.")
        if _facts(folder / name) != facts:
            raise CheckpointError(
                f"{folder / name} is damaged: its checksum is not the one written when it was saved "
                f"({facts['sha256'][:12]}…). Copy the folder again, or train again."
            )
    table = dict(manifest["model"])
    entry = MODELS[table.pop("name")]
    settings = read_config(entry.config, table, where=str(folder / MANIFEST))
    encoders = Encoders.load(folder / ENCODERS)
    layout = replace(encoders.layout, context=Layout.from_json(manifest["layout"]).context)
    try:
        state = load_file(folder / WEIGHTS)
        is_half = any(tensor.dtype == torch.bfloat16 for tensor in state.values())
        with tables_stored(dtype=torch.bfloat16 if is_half else torch.float32):
            model = entry.build(settings, layout)
        model.load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{folder / WEIGHTS} does not fit model {entry.name!r}: {error}") from error
    return Bundle(
        model_name=entry.name,
        model_settings=settings,
        model=model.eval(),
        encoders=encoders,
        context=layout.context,
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} is not a saved model: it has no {MANIFEST}. Name the folder that `ranker.save` or "
            "`tamis train` wrote (the `model` folder inside a run)."
        ) from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{folder / MANIFEST} is damaged: {error}. Train again.") from error
    if manifest["format"] > FORMAT:
        raise CheckpointError(
            f"{folder} was written by tamis {manifest['tamis']} in format {manifest['format']}; this tamis reads up "
            f"to {FORMAT}. Update tamis."
        )
    return manifest


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _facts(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _replace_folder(new: Path, place: Path) -> None:
    """Put ``new`` at ``place``; a folder cannot be renamed over a full one, so the old one steps aside first."""
    old = place.with_name(f"{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        os.replace(place, old)
    os.replace(new, place)
    shutil.rmtree(old, ignore_errors=True)
