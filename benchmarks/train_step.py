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
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tamis.batch import Batch, BatchSource
from tamis.features import FIRST_KNOWN, IdField, Layout
from tamis.models import MODELS
from tamis.objectives import binary_cross_entropy
from tamis.training import MemorySource, TrainingSettings, train
from tamis.training.precision import choose_precision


@dataclass(frozen=True, kw_only=True)
class Question:
    """One model on one shape of log; ``goal`` in rows a second."""

    name: str
    model: str
    settings: dict[str, Any]
    cardinalities: tuple[int, ...]
    goal: str
    batch_size: int = 4096

    def build(self, layout: Layout) -> nn.Module:
        """The model, with weights of seed 0."""
        entry = MODELS[self.model]
        torch.manual_seed(0)
        return entry.build(entry.config(**self.settings), layout)


# Avazu's 23 fields hold 1.54 M ids, most of them in three.
AVAZU = (1_000_000, 400_000, 100_000, *(2_000,) * 20)
_CRITEO = (*(60,) * 13, *CARDINALITIES)

_SSR_D = {"preset": "official", "views": (8, 8), "widths": (128, 128)}

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
        settings=_SSR_D,
        cardinalities=AVAZU,
        goal=">= 28000",
    ),
    Question(
        name="ssr_d official rows/s batch 1024",
        model="ssr_d",
        settings=_SSR_D,
        cardinalities=AVAZU,
        goal=">= 20000",
        batch_size=1024,
    ),
    Question(
        name="ssr_s rows/s batch 4096",
        model="ssr_s",
        settings={"views": (8, 8), "widths": (128, 128)},
        cardinalities=AVAZU,
        goal=">= 70000",
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


def rows_per_second(question: Question, *, rows: int) -> float:
    """The speed of training on rows made up for the question."""
    return speed_in_memory(question, *make_rows(question.cardinalities, rows))


def speed_in_memory(question: Question, batch: Batch, layout: Layout) -> float:
    """The speed of training on the rows of ``batch``."""
    size = question.batch_size
    parts = (batch[: 3 * size], batch, batch[: 2 * size])
    warm_up, source, valid = (MemorySource(part, batch_size=size) for part in parts)
    return speed_of_steps(question, layout, warm_up=warm_up, source=source, valid=valid)


def speed_of_steps(
    question: Question, layout: Layout, *, warm_up: BatchSource, source: BatchSource, valid: BatchSource
) -> float:
    """Rows a second of the steps of one short run; the first steps, which warm caches up, are a run before it."""
    model = question.build(layout)
    settings = TrainingSettings(epochs=1, batch_size=question.batch_size, checkpoint_minutes=None)
    speed = 0.0
    for part in (warm_up, source):
        with tempfile.TemporaryDirectory() as folder:
            speed = train(model, source=part, valid=valid, settings=settings, folder=Path(folder)).rows_per_second
    return round(speed)


class _Products(TorchDispatchMode):
    """Writes down the matrix products that run inside, with the memory layout of what they multiply."""

    KINDS = (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, list[torch.Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in self.KINDS:
            self.seen.append((func, [torch.empty_like(tensor).normal_() for tensor in args]))
        return func(*args, **(kwargs or {}))


def products_seconds(question: Question, repeats: int = 5) -> float:
    """The time of the matrix products of one training step, each by itself: no step can be faster."""
    batch, layout = make_rows(question.cardinalities, question.batch_size)
    model = question.build(layout)
    products = _Products()
    with products:
        with choose_precision("auto", torch.device("cpu")).autocast():
            output = model(batch)
        binary_cross_entropy(output, batch).backward()
    seconds = 0.0
    for function, tensors in products.seen:
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            function(*tensors)
            times.append(time.perf_counter() - start)
        seconds += sorted(times)[repeats // 2]
    return seconds


def product_gigaflops(dtype: torch.dtype, size: int = 2048, repeats: int = 20) -> float:
    """The rate of large square matrix products, the limit of the machine."""
    left, right = torch.randn(2, size, size).to(dtype)
    torch.mm(left, right)
    start = time.perf_counter()
    for _ in range(repeats):
        torch.mm(left, right)
    return round(2 * size**3 * repeats / (time.perf_counter() - start) / 1e9)


def main() -> None:
    """Measure every question ``--runs`` times, in turn, so that a busy minute strikes all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=131_072, help="rows of a timed run")
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {}

    def keep(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for _ in range(arguments.runs):
        keep("bf16", product_gigaflops(torch.bfloat16))
        keep("fp32", product_gigaflops(torch.float32))
        for question in QUESTIONS:
            # Before and after: a minute that is busy during one of them only would make the share too large or small.
            before = products_seconds(question)
            speed = rows_per_second(question, rows=arguments.rows)
            products = (before + products_seconds(question)) / 2
            keep(question.name, speed)
            keep(f"{question.name} share", round(products * speed / question.batch_size, 3))
    shares = (
        ("ssr_d share of matrix-product time", "ssr_d official rows/s batch 4096", "0.85 to 1"),
        ("dcn_v2 share of matrix-product time", "dcn_v2 rows/s batch 4096", "-"),
        ("ssr_s share of matrix-product time", "ssr_s rows/s batch 4096", "-"),
    )
    write_findings(
        "train_step",
        [
            *(figure(question.name, found[question.name], unit="rows/s", goal=question.goal) for question in QUESTIONS),
            *(figure(name, found[f"{of} share"], unit="of the step", goal=goal) for name, of, goal in shares),
            figure(
                "bf16 matrix product, 2048 wide", found["bf16"], unit="GFLOP/s", goal="861 where the goals were set"
            ),
            figure("fp32 matrix product, 2048 wide", found["fp32"], unit="GFLOP/s", goal="-"),
        ],
    )


if __name__ == "__main__":
    main()
