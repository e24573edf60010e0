"""How many rows a second train: whole steps with embedding tables, as ``tamis train`` makes them."""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from criteo_shaped import CARDINALITIES, zipf_ranks
from findings import figure, write_findings

from tamis.batch import Batch
from tamis.features import FIRST_KNOWN, IdField, Layout
from tamis.models import MODELS
from tamis.training import MemorySource, TrainingSettings, train


@dataclass(frozen=True, kw_only=True)
class Question:
    """One model on one shape of log; ``goal`` in rows a second."""

    name: str
    model: str
    settings: dict[str, Any]
    cardinalities: tuple[int, ...]
    goal: str


# Avazu's 23 fields hold 1.54 M ids, most of them in three.
_AVAZU = (1_000_000, 400_000, 100_000, *(2_000,) * 20)
_CRITEO = (*(60,) * 13, *CARDINALITIES)

QUESTIONS = (
    Question(
        name="dcn_v2 rows/s batch 4096",
        model="dcn_v2",
        settings={"num_crosses": 3, "hidden": (400, 400, 400), "structure": "parallel"},
        cardinalities=_CRITEO,
        goal=">= 30000",
    ),
    Question(
        name="ssr_d official rows/s batch 4096",
        model="ssr_d",
        settings={"preset": "official", "views": (8, 8), "widths": (128, 128)},
        cardinalities=_AVAZU,
        goal=">= 18000",
    ),
    Question(
        name="ssr_s rows/s batch 4096",
        model="ssr_s",
        settings={"views": (8, 8), "widths": (128, 128)},
        cardinalities=_AVAZU,
        goal="-",
    ),
)


def make_rows(cardinalities: tuple[int, ...], rows: int) -> tuple[Batch, Layout]:
    """Rows of Zipf-distributed ids with labels of chance 0.25."""
    random = np.random.default_rng(0)
    ids = np.stack([zipf_ranks(random, rows, size) for size in cardinalities], axis=1) + FIRST_KNOWN
    labels = torch.from_numpy((random.random((rows, 1)) < 0.25).astype(np.float32))
    fields = tuple(IdField(name=f"c{i}", table=f"c{i}") for i in range(len(cardinalities)))
    sizes = {f"c{i}": size + FIRST_KNOWN for i, size in enumerate(cardinalities)}
    batch = Batch(ids=torch.from_numpy(ids.astype(np.int32)), dense=torch.empty(rows, 0), labels=labels)
    return batch, Layout(tables=sizes, ids=fields)


def rows_per_second(question: Question, *, batch_size: int, steps: int) -> float:
    """The speed of one short run; its first steps, which warm caches up, are a run of their own before it."""
    batch, layout = make_rows(question.cardinalities, batch_size * steps)
    entry = MODELS[question.model]
    torch.manual_seed(0)
    model = entry.build(entry.config(**question.settings), layout)
    valid = MemorySource(batch[: 2 * batch_size], batch_size=batch_size)
    settings = TrainingSettings(epochs=1, batch_size=batch_size, checkpoint_minutes=None)
    speed = 0.0
    for rows in (batch[: 3 * batch_size], batch):
        with tempfile.TemporaryDirectory() as folder:
            source = MemorySource(rows, batch_size=batch_size)
            speed = train(model, source=source, valid=valid, settings=settings, folder=Path(folder)).rows_per_second
    return round(speed)


def product_gigaflops(size: int = 2048, repeats: int = 20) -> float:
    """The rate of bf16 matrix products alone: the limit beside which the speeds of models are to be read."""
    left, right = torch.randn(2, size, size, dtype=torch.bfloat16)
    left @ right
    start = time.perf_counter()
    for _ in range(repeats):
        left @ right
    return round(2 * size**3 * repeats / (time.perf_counter() - start) / 1e9)


def main() -> None:
    """Measure every question ``--runs`` times, in turn, so that a busy minute strikes all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=4096)
    arguments = parser.parse_args()
    speeds: dict[str, list[float]] = {question.name: [] for question in QUESTIONS}
    products: list[float] = []
    for _ in range(arguments.runs):
        products.append(product_gigaflops())
        for question in QUESTIONS:
            speeds[question.name].append(
                rows_per_second(question, batch_size=arguments.batch_size, steps=arguments.steps)
            )
    write_findings(
        "train_step",
        [
            *(
                figure(question.name, speeds[question.name], unit="rows/s", goal=question.goal)
                for question in QUESTIONS
            ),
            figure("bf16 matrix product, 2048 wide", products, unit="GFLOP/s", goal="861 where the goals were set"),
        ],
    )


if __name__ == "__main__":
    main()
