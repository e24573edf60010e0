"""One run: updates, validations and checkpoints in their order, with the state they share."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tamis.batch import Batch, BatchSource, Output
from tamis.errors import TrainingError
from tamis.training.alarms import auc_alarm, calibration_alarm, second_epoch_alarm
from tamis.training.clock import Clock
from tamis.training.compilation import Trunk
from tamis.training.curve import Curve
from tamis.training.distributed import Workers
from tamis.training.evaluate import Evaluation, evaluate
from tamis.training.losses import LossWindow
from tamis.training.optimizers import Optimizers, clip_norm_
from tamis.training.precision import choose_precision
from tamis.training.prefetch import on_device
from tamis.training.progress import Best, Progress, TrainingResult
from tamis.training.promises import check_batch_sizes, check_share, is_finite
from tamis.training.recovery import Recovery
from tamis.training.settings import TrainingSettings, flatten
from tamis.training.start import start_at_base_rates
from tamis.training.state import TrainingState
from tamis.training.table_dtype import store_tables

_REPORT_SECONDS = 0.2


class Run:
    """The moving parts of ``train``; use that function."""

    def __init__(
        self,
        model: nn.Module,
        *,
        source: BatchSource,
        valid: BatchSource,
        settings: TrainingSettings,
        folder: Path,
        workers: Workers,
        device: torch.device,
        trunk: Trunk,
        report: Callable[[Progress], None] | None,
        objective: Callable[[Output, Batch], Tensor],
        tasks: Sequence[str] | None,
        identity: dict[str, Any],
        watch: Callable[[Batch, Callable[[], AbstractContextManager[Any]]], None] | None = None,
        base_rates: Sequence[float] | None = None,
    ) -> None:
        check_batch_sizes(source, workers)
        if settings.start == "base_rate":
            start_at_base_rates(model, base_rates)
        store_tables(model, settings.tables.dtype)
        self.model = model.to(device)
        self.source, self.valid, self.settings, self.folder = source, valid, settings, folder
        self.workers, self.device, self.objective, self.tasks = workers, device, objective, tasks
        self.trunk = trunk
        self.precision = choose_precision(settings.precision, device)
        self.updates = -(-len(source) // settings.gradient_accumulation)
        self.total_steps = self.updates * settings.epochs
        parts = settings.evaluations_per_epoch
        self.evaluated_after = {max(1, self.updates * (part + 1) // parts) for part in range(parts)}
        workers.share_model(model)
        self.optimizers = Optimizers(
            model, tables=settings.tables, dense=settings.dense, gates=settings.gates, seed=settings.seed
        )
        self.state = TrainingState()
        self.notes: list[str] = []
        self.losses = LossWindow(workers, advice=self._advice())
        self.curve: Curve | None = None
        self.recovery = Recovery(folder / "checkpoints", model, self.optimizers, workers, self._identity(identity))
        self._watch = watch
        self._report = report if workers.is_main else None
        self._reported_at = self._saved_at = time.monotonic()
        self.clock = Clock()
        self._last_loss: float | None = None

    def begin(self, *, resume: bool) -> None:
        """Start anew, or put everything back as it was at the last checkpoint."""
        if not resume:
            self.recovery.refuse_to_overwrite()
        restored = self.recovery.restore(self.device) if resume else None
        if restored is not None:
            self.state = restored
            self.clock = Clock(restored.train_seconds)
            self.losses.values, self.losses.rows = restored.pending_losses, restored.pending_rows
            self._note(f"resumed from step {restored.step} of {self.total_steps}")
        elif resume:
            self._note(f"no checkpoint in {self.recovery.folder}: started from the beginning")
        if self.workers.is_main:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.curve = Curve(
                self.folder / "curve.jsonl",
                position=self.state.curve_bytes,
                step=self.state.step,
                tensorboard=self.settings.tensorboard,
            )

    def finish(self) -> TrainingResult:
        """Train to the end, load the best weights and say how it went."""
        try:
            while self.state.epoch < self.settings.epochs and not self.state.stopped_early:
                self._train_epoch()
        finally:
            if self.curve is not None:
                self.curve.close()
        best = self.state.best
        if best is None:
            raise TrainingError("no validation took place, so there are no best weights.")
        best_folder = self.recovery.load_weights(best.step)
        self._alarm(calibration_alarm(best.values))
        return TrainingResult(
            best=best,
            epochs=math.ceil(self.state.step / self.updates),
            steps=self.state.step,
            rows=self.state.rows,
            stopped_early=self.state.stopped_early,
            alarms=tuple(self.state.alarms),
            notes=tuple(self.notes),
            precision=self.precision.name,
            precision_reason=self.precision.reason,
            device=str(self.device),
            trunk=self.trunk.state,
            processes=self.workers.count,
            train_seconds=self.clock.seconds,
            evaluate_seconds=self.state.evaluate_seconds,
            rows_per_second=self._rows_per_second(),
            curve=self.folder / "curve.jsonl",
            best_folder=best_folder,
        )

    def _train_epoch(self) -> None:
        state, settings = self.state, self.settings
        start = state.update * settings.gradient_accumulation
        epoch = self.source.epoch(state.epoch, start=start, rank=self.workers.rank, count=self.workers.count)
        batches = on_device(epoch, self.device)
        self.model.train()
        self.clock.start()
        while state.update < self.updates and not state.stopped_early:
            self._update(batches)
            if state.update in self.evaluated_after:
                self._validate()
            elif state.step % settings.log_every_steps == 0:
                self._log()
            if self._checkpoint_is_due():
                self._save()
            self._tell()
        self.clock.stop()
        if not state.stopped_early:
            state.epoch, state.update = state.epoch + 1, 0

    def _update(self, batches: Any) -> None:
        """One step of both optimizers, down the gradient of the mean over the global batch."""
        first = self.state.update * self.settings.gradient_accumulation
        steps = range(first, min(first + self.settings.gradient_accumulation, len(self.source)))
        rows = sum(self.source.rows_of(step) for step in steps)
        self.optimizers.zero_grad()
        loss = torch.zeros((), device=self.device)
        for step, batch in zip(steps, islice(batches, len(steps)), strict=True):
            check_share(self.source, step, batch, self.workers)
            if self._watch is not None:
                self._watch(batch, self.precision.autocast)
            with self.precision.autocast():
                output = self.model(batch)
            # The objective is a mean over this process's rows; its share makes the sum over processes the
            # global mean.
            part = self.objective(output, batch) * (len(batch) / rows)
            part.backward()
            loss = loss + part.detach()
        self.workers.sum_gradients(self.optimizers.parameters)
        if self.settings.clip_norm is not None:
            clip_norm_(self.optimizers.parameters, self.settings.clip_norm)
        self.optimizers.step(self._share())
        self.state.step, self.state.update = self.state.step + 1, self.state.update + 1
        self.state.rows += rows
        self.losses.add(loss, rows=rows, step=self.state.step)

    def _validate(self) -> None:
        """Look at the validation rows; keep the weights if they are the best, stop if patience is out."""
        self.losses.read()
        with self.clock.paused():
            self._check_weights()
            evaluation = evaluate(
                self.model,
                self.valid,
                tasks=self.tasks,
                precision=self.precision,
                workers=self.workers,
                device=self.device,
            )
            self.state.evaluate_seconds += evaluation.seconds
            self._judge(evaluation)
            self._write_line(evaluation.values)
            self._save()
            self._tell(valid=evaluation.values)

    def _judge(self, evaluation: Evaluation) -> None:
        state, settings = self.state, self.settings
        value = evaluation.values.get(settings.metric, math.nan)
        if not math.isfinite(value):
            raise TrainingError(
                f"validation {settings.metric} is {value} after step {state.step}, so it cannot choose the "
                f"weights. It needs validation rows of both labels (and groups for a gauc); change the split "
                f"or the metric."
            )
        epoch = state.epoch + 1
        if state.best is None or settings.keep == "last" or settings.is_better(value, state.best.value):
            state.best = Best(
                epoch=epoch, step=state.step, metric=settings.metric, value=value, values=evaluation.values
            )
            state.waited = 0
        else:
            state.waited += 1
        state.stopped_early = settings.patience is not None and state.waited >= settings.patience
        if state.update == self.updates:
            state.epoch_values.append(value)
            self._raise_alarms(evaluation)

    def _raise_alarms(self, evaluation: Evaluation) -> None:
        values = self.state.epoch_values
        alarms = [second_epoch_alarm(self.settings.metric, values)]
        if len(values) == 1:
            alarms.append(auc_alarm(evaluation.values.get("auc")))
        for alarm in alarms:
            self._alarm(alarm)

    def _alarm(self, alarm: str | None) -> None:
        if alarm is not None:
            self.state.alarms.append(alarm)
            self._tell(alarm)

    def _log(self) -> None:
        self.losses.read()
        self._write_line(None)

    def _write_line(self, valid: dict[str, float] | None) -> None:
        self._last_loss = self.losses.mean()
        self.losses.clear()
        if self.curve is not None:
            self.curve.append(
                {
                    "step": self.state.step,
                    "epoch": self.state.epoch + 1,
                    "rows": self.state.rows,
                    "seconds": round(self._seconds(), 3),
                    "train_loss": self._last_loss,
                    "learning_rate": self._learning_rate(),
                    "valid": valid,
                }
            )

    def _checkpoint_is_due(self) -> bool:
        settings, step = self.settings, self.state.step
        if settings.checkpoint_every_steps is not None and step % settings.checkpoint_every_steps == 0:
            return True
        if settings.checkpoint_minutes is None or step % settings.log_every_steps:
            return False
        # Clocks differ between processes; all must save together, so the main one decides.
        return self.workers.from_main(time.monotonic() - self._saved_at > 60.0 * settings.checkpoint_minutes)

    def _save(self) -> None:
        """Write a checkpoint, unless there is something in it that nobody should resume from."""
        self.losses.read()
        with self.clock.paused():
            self._check_weights()
            if self.curve is not None:
                self.state.curve_bytes = self.curve.sync()
            self.state.train_seconds = self.clock.seconds
            self.state.pending_losses, self.state.pending_rows = self.losses.values, self.losses.rows
            self.recovery.save(self.state)
        self._saved_at = time.monotonic()

    def _check_weights(self) -> None:
        for name, parameter in self.model.named_parameters():
            if not is_finite(parameter):
                raise TrainingError(
                    f"the weights {name!r} are not finite after step {self.state.step}, so training cannot "
                    f"go on. {self._advice()}"
                )

    def _advice(self) -> str:
        settings = self.settings
        clip = "set clip_norm" if settings.clip_norm is None else f"lower clip_norm (now {settings.clip_norm})"
        return (
            f"Lower dense.learning_rate (now {settings.dense.learning_rate}) or tables.learning_rate "
            f"(now {settings.tables.learning_rate}), {clip}, or look for NaN and huge values in the numeric "
            f"inputs. The last checkpoint holds sound weights."
        )

    def _identity(self, more: dict[str, Any]) -> dict[str, Any]:
        return {
            **self.settings.that_matter(),
            "precision (chosen)": self.precision.name,
            "device (chosen)": self.device.type,
            "processes": self.workers.count,
            "training rows": self.source.rows,
            "training batches": len(self.source),
            "validation rows": self.valid.rows,
            **flatten(more),
        }

    def _share(self) -> float:
        return self.settings.schedule.share(self.state.step, self.total_steps)

    def _learning_rate(self) -> float:
        """The dense learning rate of the last update."""
        share = self.settings.schedule.share(max(0, self.state.step - 1), self.total_steps)
        return self.settings.dense.learning_rate * share

    def _note(self, note: str) -> None:
        self.notes.append(note)
        self._tell(note)

    def _tell(self, note: str | None = None, *, valid: dict[str, float] | None = None) -> None:
        if self._report is None:
            return
        now = time.monotonic()
        if note is None and valid is None and now - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = now
        state = self.state
        left = self.total_steps - state.step
        self._report(
            Progress(
                step=state.step,
                total_steps=self.total_steps,
                epoch=min(state.epoch + 1, self.settings.epochs),
                epochs=self.settings.epochs,
                rows=state.rows,
                rows_per_second=self._rows_per_second(),
                eta_seconds=left * self._seconds() / state.step if state.step else math.nan,
                learning_rate=self._learning_rate(),
                loss=self._last_loss,
                valid=valid,
                note=note,
            )
        )

    def _rows_per_second(self) -> float:
        return self.state.rows / self.clock.seconds if self.clock.seconds else 0.0

    def _seconds(self) -> float:
        return self.clock.seconds + self.state.evaluate_seconds
