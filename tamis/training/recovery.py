"""How a run survives being killed: what it writes at a checkpoint, and how that is put back."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tamis.errors import CheckpointError
from tamis.training.checkpoint import (
    keep_checkpoints,
    latest_checkpoint,
    load_model_tensors,
    model_tensors,
    read_checkpoint,
    write_checkpoint,
)
from tamis.training.distributed import Workers
from tamis.training.optimizers import Optimizers
from tamis.training.state import TrainingState


class Recovery:
    """The checkpoints of one run; ``identity`` is what must be equal for a run to be the same run."""

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        optimizers: Optimizers,
        workers: Workers,
        identity: dict[str, Any],
    ) -> None:
        self.folder = folder
        self._model, self._optimizers, self._workers = model, optimizers, workers
        # As JSON gives it back: a tuple is a list there, and must not look like a change.
        self._identity = json.loads(json.dumps(identity))

    def refuse_to_overwrite(self) -> None:
        """A new run must not erase an old one by accident.

        Raises:
            CheckpointError: the folder holds checkpoints.
        """
        latest = self._workers.from_main(latest_checkpoint(self.folder))
        if latest is not None:
            raise CheckpointError(
                f"{self.folder}: holds a run at {latest.name}, which a new run would erase. Resume it "
                f"(resume=True, --resume), delete this folder, or choose another one."
            )

    def save(self, state: TrainingState) -> None:
        """Write the checkpoint of this step; keep it and the best one, delete the others."""
        random = self._workers.gather(_random_states())
        rounding = self._optimizers.rounding
        if self._workers.is_main:
            tensors = {
                "weights": model_tensors(self._model),
                "optimizers": self._optimizers.state_tensors(),
                "random": {
                    f"{name}/{rank}": each for rank, states in enumerate(random) for name, each in states.items()
                }
                | ({} if rounding is None else {"rounding": rounding.state}),
            }
            table = {"identity": self._identity, "training": state.to_json()}
            write_checkpoint(self.folder, state.step, tensors=tensors, state=table)
            keep_checkpoints(self.folder, {state.step} | ({state.best.step} if state.best else set()))
        self._workers.barrier()

    def restore(self, device: torch.device) -> TrainingState | None:
        """Put back the last checkpoint, or return None if there is none.

        Raises:
            CheckpointError: it is damaged, or it is of a run with other settings.
        """
        path = self._workers.from_main(latest_checkpoint(self.folder))
        if path is None:
            return None
        checkpoint = read_checkpoint(path)
        self._check_identity(path, checkpoint.state["identity"])
        load_model_tensors(self._model, checkpoint.tensors["weights"])
        self._optimizers.load_state_tensors(checkpoint.tensors["optimizers"])
        rank = self._workers.rank
        torch.set_rng_state(checkpoint.tensors["random"][f"cpu/{rank}"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint.tensors["random"][f"cuda/{rank}"], device)
        if self._optimizers.rounding is not None:
            # One stream for all processes: each rounds the same rows, and their tables must stay the same.
            self._optimizers.rounding.state = checkpoint.tensors["random"]["rounding"]
        return TrainingState.from_json(checkpoint.state["training"])

    def load_weights(self, step: int) -> Path:
        """Put the weights of the checkpoint of ``step`` into the model; return its folder."""
        path = self.folder / f"step-{step}"
        load_model_tensors(self._model, read_checkpoint(path, parts=["weights"]).tensors["weights"])
        return path

    def _check_identity(self, path: Path, saved: dict[str, Any]) -> None:
        names = sorted(saved.keys() | self._identity.keys())
        different = [name for name in names if saved.get(name) != self._identity.get(name)]
        if different:
            changes = "; ".join(
                f"{name}: {saved.get(name)!r} in the checkpoint, {self._identity.get(name)!r} now" for name in different
            )
            raise CheckpointError(
                f"{path}: was written with other settings ({changes}). Resume with the old settings, or "
                f"train into another folder."
            )


def _random_states() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states
