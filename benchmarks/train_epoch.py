"""What a whole epoch from disk costs beside its training steps alone, and how near both are to the machine's limits.

A whole epoch is all that ``tamis train`` does with an encoded set once it is open: the plan, shuffled rows from
memory-mapped columns read one buffer ahead, the steps, a validation with its checkpoint, the test set in float32, the
saved model and its proof, the record. Its rows/s are the training rows over all those seconds. The steps alone are
those of ``train_step.py``, on the first of the same rows, from memory. The set has eight rows to train on for one to
validate and one to test.

The limits are measured in the same round. Over the product rates stand the operations of a step's matrix products,
three times those of the forward pass; over the memory-copy rate the bytes that a step keeps alive at its worst moment,
since each of them is written and read at least once, as in a copy.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from encoded_log import write_encoded_log
from findings import figure, write_findings
from load import COPIED_BYTES, copy_rate
from train_step import QUESTIONS, Question, product_gigaflops, speed_in_memory

from tamis.analysis import peak_bytes
from tamis.batch import Batch
from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches
from tamis.experiment import read_settings, run_experiment
from tamis.objectives import binary_cross_entropy
from tamis.record import RunRecord
from tamis.training import choose_precision

LIMITS = ("bf16 product rate", "fp32 product rate", "memory-copy rate")


def experiment_table(question: Question, batch_size: int) -> dict[str, Any]:
    """The experiment file of one epoch; its data are given as an encoded set, so the file they name is never opened."""
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in question.settings.items()}
    return {
        "data": {"path": "none.parquet", "schema": "none.toml"},
        "model": {"name": question.model, **settings},
        "training": {"epochs": 1, "batch_size": batch_size},
    }


def whole_epoch(question: Question, encoded: EncodedSet) -> tuple[RunRecord, float]:
    """Run the experiment; return its record and its seconds."""
    settings = read_settings(experiment_table(question, question.batch_size), where="benchmark")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        record = run_experiment(settings, encoded, folder=Path(folder), command="benchmark")
        seconds = time.perf_counter() - start
    assert record is not None
    return record, seconds


def rows_in_memory(encoded: EncodedSet, rows: int) -> Batch:
    """The first training rows as one batch."""
    return next(EncodedBatches(encoded.split("train"), encoded.layout, batch_size=rows).epoch(0))


def bytes_per_row(question: Question, batch: Batch, encoded: EncodedSet) -> float:
    """What a training step keeps alive at its worst moment, for each row of a batch."""
    model = question.build(encoded.layout)

    def step() -> None:
        with choose_precision("auto", torch.device("cpu")).autocast():
            output = model(batch)
        binary_cross_entropy(output, batch).backward()

    return peak_bytes(step) / len(batch)


def measure_limits() -> dict[str, float]:
    """Operations and bytes a second that this machine can do in this minute."""
    source, target = np.ones(COPIED_BYTES, dtype=np.uint8), np.ones(COPIED_BYTES, dtype=np.uint8)
    rates = (
        product_gigaflops(torch.bfloat16) * 1e9,
        product_gigaflops(torch.float32) * 1e9,
        copy_rate(source, target),
    )
    return dict(zip(LIMITS, rates, strict=True))


def measure(
    question: Question, encoded: EncodedSet, limits: Mapping[str, float], *, memory_rows: int
) -> dict[str, float]:
    """One round of one model: every figure by its name."""
    record, seconds = whole_epoch(question, encoded)
    rows = rows_in_memory(encoded, memory_rows)
    alone = speed_in_memory(question, rows, encoded.layout)
    whole = encoded.rows("train") / seconds
    flops = 3.0 * (record.flops["forward_per_row"] or 0)
    moved = bytes_per_row(question, rows[: question.batch_size], encoded)
    needs = dict(zip(LIMITS, (flops, flops, moved), strict=True))
    timings = {name: value or 0.0 for name, value in record.timings.items()}
    scoring = timings["validate_seconds"] + timings["evaluate_seconds"]
    return {
        "whole epoch rows/s": round(whole),
        "steps from disk rows/s": round(timings["rows_per_second"]),
        "steps from memory rows/s": round(alone),
        "whole epoch over steps from memory": round(whole / alone, 3),
        "steps from disk over steps from memory": round(timings["rows_per_second"] / alone, 3),
        "validation and test": round(scoring, 2),
        "plan, checkpoint, saved model, record": round(seconds - timings["train_seconds"] - scoring, 2),
        **{f"whole epoch over the {name}": round(whole * needs[name] / limits[name], 3) for name in LIMITS},
    }


def unit_of(name: str) -> str:
    """The unit of a figure."""
    if name in LIMITS:
        return "GB/s" if "copy" in name else "GFLOP/s"
    return "rows/s" if name.endswith("rows/s") else "share" if " over " in name else "s"


def main() -> None:
    """Measure every model ``--runs`` times, in turn, so that a busy minute strikes all alike."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=500_000, help="rows of each set, of which 80 %% train")
    parser.add_argument("--memory-rows", type=int, default=131_072, help="rows of the steps alone")
    models = ["dcn_v2", "ssr_d", "ssr_s"]
    parser.add_argument("--models", nargs="*", choices=models, default=models, metavar="NAME")
    arguments = parser.parse_args()
    questions = [q for q in QUESTIONS if q.batch_size == 4096 and q.model in arguments.models]
    tenth = arguments.rows // 10
    rows = {"train": arguments.rows - 2 * tenth, "valid": tenth, "test": tenth}
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        sets = {
            shape: write_encoded_log(Path(place) / str(number), rows=rows, cardinalities=shape)
            for number, shape in enumerate({question.cardinalities for question in questions})
        }
        for _ in range(arguments.runs):
            limits = measure_limits()
            for name, rate in limits.items():
                found.setdefault(name, []).append(round(rate / 1e9, 1))
            for question in questions:
                encoded = sets[question.cardinalities]
                values = measure(question, encoded, limits, memory_rows=arguments.memory_rows)
                for name, value in values.items():
                    found.setdefault(f"{question.model} {name}", []).append(value)
    write_findings(
        "train_epoch",
        [
            figure(name, runs, unit=unit_of(name), goal="the limit" if name in LIMITS else "-")
            for name, runs in found.items()
        ],
    )


if __name__ == "__main__":
    main()
