"""How a plan is made: tables are counted, one small step is run and measured, and what is free is looked up."""

import math
import os
import time
from contextlib import closing
from pathlib import Path

import torch
from torch import nn

from tamis.analysis import (
    folder_bytes,
    forward_flops_per_row,
    free_disk_bytes,
    free_memory_bytes,
    peak_bytes,
    product_flops_per_second,
)
from tamis.batch import Batch
from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches
from tamis.experiment.build import EVALUATION_ROWS, build_model, make_batches
from tamis.experiment.plan import Plan
from tamis.experiment.settings import ExperimentSettings
from tamis.objectives import binary_cross_entropy
from tamis.training import (
    Precision,
    TrainingSettings,
    Workers,
    choose_device,
    choose_precision,
    recomputed_activations,
)

_MEASURED_ROWS = 1024
# Measured on Linux with torch 2.13: code that is loaded only when training begins, and the stacks of its threads.
_LIBRARY_BYTES = 150_000_000
# Measured too: the heap of a run over what lived in it at most, when freed memory is kept.
_HOLES = 1.25
# A probability, a label, a group and their sorted copies, while the metrics of a validation are computed.
_SCORED_ROW_BYTES = 48


def make_plan(
    settings: ExperimentSettings, encoded: EncodedSet, *, folder: Path, workers: Workers | None = None
) -> Plan:
    """Say what the run of ``settings`` on ``encoded`` into ``folder`` will need, and what there is.

    The model is built with hollow tables, so this takes little memory whatever the size of the real ones; one step of
    up to 1,024 rows is run forwards and backwards, and what it keeps alive is scaled to the rows of a batch.
    """
    workers = workers or Workers()
    training = settings.training
    device = choose_device(training.device)
    gpus = [device] if device.type == "cuda" else []
    batches = make_batches(settings, encoded, "train")
    with torch.random.fork_rng(devices=gpus):
        model = build_model(settings, encoded, is_hollow=True).to(device)
        rows = min(batches.rows, math.ceil(training.batch_size / workers.count))
        step = _Step(model, training, encoded, device, rows=rows)
    tables, table_state, dense, dense_state = _weight_bytes(model, training)
    memory = {
        "tables": tables,
        "optimizer state of the tables": table_state,
        "dense weights with optimizer state": dense + dense_state,
        "one batch": step.bytes,
        "reading and scoring": _reading_bytes(batches, step.row_bytes) + _scoring_bytes(encoded),
        "libraries": _LIBRARY_BYTES,
    }
    # At the end the saved model is read back beside the trained one, when the optimizers are gone.
    at_the_end = 2 * (tables + dense) + memory["reading and scoring"] + memory["libraries"]
    is_on_gpu = device.type == "cuda"
    local = 1 if is_on_gpu else int(os.environ.get("LOCAL_WORLD_SIZE", workers.count))
    weights, state = tables + dense, table_state + dense_state
    disk = {
        "checkpoints": 3 * (weights + state),
        "saved model": weights + folder_bytes(encoded.folder / encoded.manifest.folder / "encoders"),
        "encoded set": folder_bytes(encoded.folder),
    }
    # Of a resumed run some of it lies there too.
    run_bytes = min(folder_bytes(folder), disk["checkpoints"] + disk["saved model"])
    disk["there already"] = -(disk["encoded set"] + run_bytes)
    return Plan(
        memory=memory,
        memory_needed=local * max(sum(memory.values()), at_the_end),
        memory_free=torch.cuda.mem_get_info(device)[0] if is_on_gpu else free_memory_bytes(),
        memory_place="GPU memory" if is_on_gpu else "memory",
        disk=disk,
        disk_needed=sum(disk.values()),
        disk_free=free_disk_bytes(folder),
        batch_rows=step.rows,
        measured_rows=step.measured_rows,
        processes=workers.count,
        rough_minutes=round(_seconds(step, settings, encoded, batches.rows) / workers.count / 60, 2),
        ways_out=_ways_out(training, memory),
    )


class _Step:
    """One step of a hollow model, run at two sizes: what it needs in bytes and seconds."""

    def __init__(
        self, model: nn.Module, training: TrainingSettings, encoded: EncodedSet, device: torch.device, *, rows: int
    ) -> None:
        self.rows = rows
        source = EncodedBatches(encoded.split("train"), encoded.layout, batch_size=max(4, min(rows, _MEASURED_ROWS)))
        with closing(source.epoch(0)) as epoch:  # type: ignore[type-var]
            batch = next(epoch).to(device)
        self.measured_rows = len(batch)
        self.row_bytes = _batch_bytes(batch) / len(batch)
        self.precision = choose_precision(training.precision, device)
        self.flops_per_row = forward_flops_per_row(model, batch)
        self._model = model
        with recomputed_activations(model, is_wanted=training.checkpoint_activations):
            gradients = self._keep_gradients()
            # BatchNorm takes no single row.
            half = batch[: max(2, len(batch) // 2)]
            small, large = (peak_bytes(lambda part=part: self._train(part)) for part in (half, batch))
            # Not a proper benchmark; the two steps before were its warm-up.
            started = time.perf_counter()
            self._train(batch)
            self.seconds_per_row = (time.perf_counter() - started) / len(batch)
        growth = (large - small) / max(1, len(batch) - len(half))
        # Validation scores as it trains, and at the end all is scored in float32.
        precisions = (self.precision, choose_precision("fp32", device))
        scored = max(peak_bytes(lambda one=one: self._score(batch, one)) for one in precisions) / len(batch)
        at_scoring = round(scored * min(EVALUATION_ROWS, max(map(encoded.rows, encoded.split_names[1:]))))
        step = gradients + round(large + growth * (rows - len(batch)))
        # Memory that is kept for the next step has holes; memory that is given back has none.
        self.bytes = max(step, at_scoring)
        if not training.checkpoint_activations:
            self.bytes = round(self.bytes * _HOLES)

    def _keep_gradients(self) -> int:
        """Let every dense gradient be there from the start, so that what grows with the rows can be told from them."""
        dense = [p for p in self._model.parameters() if not getattr(p, "row_sparse", False)]
        for parameter in dense:
            parameter.grad = torch.zeros_like(parameter)
        return sum(parameter.nbytes for parameter in dense)

    def _train(self, batch: Batch) -> None:
        """Forwards and backwards, as the loop does it; what the optimizers do is not run, for it would change rows."""
        self._model.train()
        with self.precision.autocast():
            output = self._model(batch)
        binary_cross_entropy(output, batch).backward()
        for parameter in self._model.parameters():
            if getattr(parameter, "row_sparse", False):
                parameter.grad = None

    def _score(self, batch: Batch, precision: Precision) -> None:
        self._model.eval()
        with torch.no_grad(), precision.autocast():
            self._model(batch)


def _weight_bytes(model: nn.Module, training: TrainingSettings) -> tuple[int, int, int, int]:
    """Tables, their optimizer's state, all other weights and buffers, their optimizer's state."""
    tables = [p for p in model.parameters() if getattr(p, "row_sparse", False)]
    others = [p for p in model.parameters() if not getattr(p, "row_sparse", False)]
    state = sum(training.tables.state_numbers(*table.shape) for table in tables)
    buffers = sum(buffer.nbytes for buffer in model.buffers())
    dense = sum(parameter.nbytes for parameter in others)
    # A hollow table says how many numbers it would have.
    return sum(t.numel() * t.element_size() for t in tables), 4 * state, dense + buffers, 2 * dense


def _reading_bytes(batches: EncodedBatches, row_bytes: float) -> int:
    """Two buffers of rows, the one in use and the next, each with its order, and as many cut out for batches."""
    rows = min(batches.rows, batches.chunk_rows * batches.buffer_chunks)
    return round(2 * rows * (row_bytes + 8) + 3 * min(batches.rows, batches.batch_size) * row_bytes)


def _scoring_bytes(encoded: EncodedSet) -> int:
    return _SCORED_ROW_BYTES * max(encoded.rows(name) for name in encoded.split_names[1:]) * len(encoded.layout.tasks)


def _batch_bytes(batch: Batch) -> int:
    singles = (batch.ids, batch.dense, batch.labels, batch.weights, batch.groups, batch.scenarios)
    return sum(tensor.nbytes for tensor in (*batch.lists, *singles) if tensor is not None)


def _seconds(step: _Step, settings: ExperimentSettings, encoded: EncodedSet, train_rows: int) -> float:
    """For all epochs: the slower of the matrix products alone and of the step that was timed."""
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[step.precision.name]
    device = choose_device(settings.training.device)
    # Backwards takes two products for each one forwards.
    products = 3 * step.flops_per_row / product_flops_per_second(device, dtype)
    a_row = max(products, step.seconds_per_row)
    trained = settings.training.epochs * train_rows
    validations = settings.training.epochs * settings.training.evaluations_per_epoch
    return a_row * (trained + validations * encoded.rows("valid") / 3)


def _ways_out(training: TrainingSettings, memory: dict[str, int]) -> tuple[str, ...]:
    """The settings that lower the need for memory, those for the larger part first."""
    for_tables = [
        "a smaller model.dim",
        'smaller tables (min_count, or encoder = "hash" with buckets, of the largest fields)',
    ]
    if training.tables.dtype == "fp32":
        for_tables.append('training.tables.dtype = "bf16"')
    if training.tables.name != "row_wise_adagrad":
        for_tables.append('training.tables.name = "row_wise_adagrad"')
    for_steps = ["a smaller training.batch_size with gradient_accumulation"]
    if not training.checkpoint_activations:
        for_steps.append("training.checkpoint_activations = true")
    has_large_tables = memory["tables"] + memory["optimizer state of the tables"] >= memory["one batch"]
    return (*for_tables, *for_steps) if has_large_tables else (*for_steps, *for_tables)
