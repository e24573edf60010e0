"""The only training loop: one for CPU, GPU and several processes, and it can be killed at any step."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tamis.batch import Batch, BatchSource, Output
from tamis.objectives import binary_cross_entropy
from tamis.training.allocator import keep_freed_memory, return_freed_memory
from tamis.training.batch_norm import synchronised_batch_norm
from tamis.training.compilation import compiled_trunk
from tamis.training.distributed import Workers, choose_device
from tamis.training.progress import Progress, TrainingResult
from tamis.training.recomputation import recomputed_activations
from tamis.training.run import Run
from tamis.training.settings import TrainingSettings


def train(
    model: nn.Module,
    *,
    source: BatchSource,
    valid: BatchSource,
    settings: TrainingSettings,
    folder: Path | str,
    resume: bool = False,
    workers: Workers | None = None,
    report: Callable[[Progress], None] | None = None,
    objective: Callable[[Output, Batch], Tensor] = binary_cross_entropy,
    tasks: Sequence[str] | None = None,
    identity: Mapping[str, Any] | None = None,
    watch: Callable[[Batch, Callable[[], AbstractContextManager[Any]]], None] | None = None,
    base_rates: Sequence[float] | None = None,
) -> TrainingResult:
    """Train ``model`` on ``source`` and choose its weights by ``valid``; afterwards it holds the best ones.

    ``folder`` receives ``curve.jsonl`` and ``checkpoints/``. With ``resume`` the run goes on where its last
    checkpoint stands, to the same weights bit by bit as if it had never stopped (on a CPU; GPUs add in an
    order of their own); where there is no checkpoint it starts from the beginning and says so. ``identity``
    is what a resumed run must share beside its settings: the model's settings, the data's fingerprint. Only
    the main process reports and writes; the others must see the same folder.

    ``watch`` is called with every training batch before its update, and with the context that the model runs in: in
    the first epoch it sees the model beside rows that it has not been trained on.

    ``base_rates``, the share of positives of each task among the training rows, is what ``start = "base_rate"`` needs.

    The run draws its dropout from ``settings.seed`` and leaves torch's own random state as it was.

    Raises:
        TrainingError: the loss or the validation is not finite, the source gives other rows than it promised, or the
        run cannot start as it should. CheckpointError: the checkpoint is damaged or of another run, or the folder
        holds a run and ``resume`` is off.

    Example:
        >>> import tempfile
        >>> from tamis.training import MemorySource
        >>> class Logistic(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = nn.Linear(1, 1)
        ...     def forward(self, batch):
        ...         return Output(logits=self.linear(batch.dense))
        >>> x = torch.linspace(-1, 1, 64)[:, None]
        >>> rows = Batch(ids=torch.zeros(64, 0), dense=x, labels=(x > 0).float())
        >>> source = MemorySource(rows, batch_size=16, shuffle_seed=0)
        >>> settings = TrainingSettings(epochs=2, precision="fp32", device="cpu")
        >>> model = Logistic()
        >>> with torch.no_grad():
        ...     _ = model.linear.weight.fill_(0.1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = train(model, source=source, valid=source, settings=settings, folder=folder)
        >>> result.steps, result.best.value
        (8, 1.0)
    """
    workers = workers or Workers()
    device = choose_device(settings.device)
    if device.type == "cpu":
        if settings.checkpoint_activations:
            return_freed_memory()
        else:
            keep_freed_memory()
    gpus = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=gpus),
        synchronised_batch_norm(model, workers),
        recomputed_activations(model, is_wanted=settings.checkpoint_activations),
        compiled_trunk(model, setting=settings.compile, device=device) as trunk,
    ):
        # Processes must not drop the same neurons; the offset keeps the first one's stream that of a single
        # process.
        torch.manual_seed(settings.seed + 1_000_003 * workers.rank)
        run = Run(
            model,
            source=source,
            valid=valid,
            settings=settings,
            folder=Path(folder),
            workers=workers,
            device=device,
            trunk=trunk,
            report=report,
            objective=objective,
            tasks=tasks,
            identity=dict(identity or {}),
            watch=watch,
            base_rates=base_rates,
        )
        run.begin(resume=resume)
        return run.finish()
