"""What the kernels save: each pass between the products of a training step, with them and in torch, in turn.

The sizes are those of ``train_step.py``: 4,096 rows, 8 views of 128 or crosses of 624, products in bfloat16. A pass is
timed forward and backward together.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import torch
from findings import figure, write_findings
from torch import Tensor
from torch.nn import functional as F

from tamis.layers import CompetitiveFilter, CrossNetwork, Dropout, StaticFilter, ViewFusion, mean_of_views
from tamis.training.allocator import keep_freed_memory

ROWS, VIEWS, WIDTH = 4096, 8, 128
_CROSSED = 624  # 39 fields of 16 numbers

# What computes a pass, and what it gives gradients to.
Pass = tuple[Callable[[], Tensor], Sequence[Tensor]]


def passes() -> dict[str, Pass]:
    """Each pass by name, on numbers of seed 0."""
    torch.manual_seed(0)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(shape).bfloat16().requires_grad_()

    competing, mixed, residual, fused = numbers(ROWS, 2, VIEWS, WIDTH), *(numbers(ROWS, VIEWS, WIDTH) for _ in "abc")
    inputs = numbers(ROWS, VIEWS * WIDTH)
    competition = CompetitiveFilter(views=VIEWS, width=WIDTH)
    fusion = ViewFusion(views=VIEWS, d_in=WIDTH, width=WIDTH, residual=True)
    dropping = ViewFusion(views=VIEWS, d_in=WIDTH, width=WIDTH, residual=True, dropout=0.2)
    dropout = Dropout(0.2)
    choice = StaticFilter(d_in=VIEWS * WIDTH, views=VIEWS, width=WIDTH, first_seed=1000)
    crosses = CrossNetwork(width=_CROSSED, crosses=1)
    first, product = torch.randn(ROWS, _CROSSED, requires_grad=True), numbers(ROWS, _CROSSED)
    bias = crosses.get_parameter("0.linear.bias")
    return {
        "ICS with values": (lambda: competition(competing), (competing, *competition.parameters())),
        "what follows the fusion's product": (
            lambda: fusion.finish(mixed, residual),
            (mixed, residual, fusion.get_parameter("dense.0.bias"), *fusion.norm.parameters()),
        ),
        "the same with dropout": (
            lambda: dropping.finish(mixed, residual),
            (mixed, residual, dropping.get_parameter("dense.0.bias"), *dropping.norm.parameters()),
        ),
        "dropout alone": (lambda: dropout(inputs), (inputs,)),
        "static filter": (lambda: choice(inputs), (inputs,)),
        "mean of views": (lambda: mean_of_views(fused), (fused,)),
        "a cross after its product": (lambda: crosses.finish(first, product), (first, product, bias)),
    }


@contextmanager
def kernels(state: str) -> Iterator[None]:
    """Kernels ``on`` or ``off``."""
    before = os.environ.pop("TAMIS_KERNELS", None)
    if state == "off":
        os.environ["TAMIS_KERNELS"] = "off"
    try:
        yield
    finally:
        os.environ.pop("TAMIS_KERNELS", None)
        if before is not None:
            os.environ["TAMIS_KERNELS"] = before


def milliseconds(one: Pass, repeats: int) -> float:
    """The median time of one pass forward and backward."""
    run, learned = one
    grad = torch.randn_like(run())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.autograd.grad(run(), learned, grad)
        times.append(time.perf_counter() - start)
    return round(1000 * median(times), 3)


def own_dropout(runs: int, repeats: int) -> list[float]:
    """What ``torch.nn.functional.dropout`` takes for the numbers of the pass "dropout alone"."""
    _, [inputs] = passes()["dropout alone"]
    return [milliseconds((lambda: F.dropout(inputs, 0.2), (inputs,)), repeats) for _ in range(runs)]


def main() -> None:
    """Time every pass ``--runs`` times with kernels and without, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20, help="of a pass in each run")
    arguments = parser.parse_args()
    keep_freed_memory()
    figures = []
    for name, one in passes().items():
        found: dict[str, list[float]] = {"on": [], "off": []}
        for _ in range(arguments.runs):
            for state, times in found.items():
                with kernels(state):
                    times.append(milliseconds(one, arguments.repeats))
        figures += _figures(name, found["on"], found["off"])
    figures.append(
        figure("dropout alone: torch's own", own_dropout(arguments.runs, arguments.repeats), unit="ms", goal="-")
    )
    write_findings("kernels", figures)


def _figures(name: str, on: Sequence[float], off: Sequence[float]) -> list[dict]:
    ratios = [round(slow / fast, 2) for fast, slow in zip(on, off, strict=True)]
    return [
        figure(f"{name}: kernel", on, unit="ms", goal="-"),
        figure(f"{name}: torch", off, unit="ms", goal="-"),
        figure(f"{name}: torch over kernel", ratios, unit="times", goal="-"),
    ]


if __name__ == "__main__":
    main()
