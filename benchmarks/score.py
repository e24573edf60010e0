"""How long 500 candidates of one user take, beside scoring the same 500 as whole rows."""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import torch
from findings import figure, write_findings

from tamis.export import Bundle
from tamis.features import Encoders, Field, Kind, Schema
from tamis.features.state import FittedState
from tamis.features.vocabulary import Vocabulary
from tamis.models import MODELS
from tamis.serving import Candidates, Scorer

CANDIDATES, ITEMS = 500, 20_000
# 23 fields with 1.54 M ids, as in Avazu: a user's and the context's in front, then an item's.
USER_FIELDS = {"u0": 1_000_000, **{f"u{i}": 2_000 for i in range(1, 8)}}
ITEM_FIELDS = {"i0": 400_000, "i1": 100_000, **{f"i{i}": 2_000 for i in range(2, 15)}}

_SIZES = {"views": (8, 8), "widths": (128, 128)}
# model, settings, goal in ms
QUESTIONS = (
    ("ssr_s", _SIZES, "< 5"),
    ("ssr_d", {"preset": "official", **_SIZES}, "< 8"),
    ("dcn_v2", {}, "-"),
    ("mlp", {}, "-"),
)


def make_encoders() -> Encoders:
    """Encoders that know value ``v`` of every field as id ``2 + v``."""
    sizes = {**USER_FIELDS, **ITEM_FIELDS}
    names = pl.Series([f"value {number}" for number in range(max(sizes.values()))])
    tables = {
        name: Vocabulary(keys=names[:size], counts=np.ones(size), missing_count=0) for name, size in sizes.items()
    }
    fields = (Field(name="click", kind=Kind.LABEL), *(Field(name=name, kind=Kind.CATEGORICAL) for name in sizes))
    schema = Schema(fields=fields)
    return Encoders(FittedState(schema=schema, text_tables=tables, number_tables={}, scales={}, lengths={}, widths={}))


def random_values(sizes: dict[str, int], rows: int, random: np.random.Generator) -> pl.DataFrame:
    """Raw values of some fields."""
    return pl.DataFrame(
        {name: [f"value {number}" for number in random.integers(0, size, rows)] for name, size in sizes.items()}
    )


class Question:
    """One model with its prepared items, and requests that each choose 500 of them."""

    def __init__(self, name: str, settings: dict[str, Any], encoders: Encoders, items: pl.DataFrame) -> None:
        entry = MODELS[name]
        config = entry.config(**settings)
        torch.manual_seed(0)
        model = entry.build(config, encoders.layout)
        self.name, self.items = name, items
        self.scorer = Scorer(Bundle(model_name=name, model_settings=config, model=model, encoders=encoders))
        start = time.perf_counter()
        self.prepared: Candidates = self.scorer.prepare_candidates(items)
        self.seconds = time.perf_counter() - start

    def split(self, request: dict[str, Any], rows: np.ndarray) -> np.ndarray:
        """What a service does: one user row is encoded, the rest is prepared."""
        return self.scorer.score_candidates(request, self.prepared, rows=rows)

    def whole(self, request: dict[str, Any], rows: np.ndarray) -> np.ndarray:
        """The same without this room: 500 whole rows."""
        frame = self.items[rows].with_columns(**{name: pl.lit(value) for name, value in request.items()})
        return self.scorer.score(frame)

    def products(self) -> float:
        """Milliseconds of the second block's matrix product alone, the part of SSR-D that nothing can share."""
        x, weight = torch.randn(CANDIDATES, 1024), torch.randn(2 * 1024, 1024)
        return milliseconds(lambda: torch.nn.functional.linear(x, weight))


def milliseconds(function: Callable[[], object]) -> float:
    """The time of one call."""
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1e3


def measure(question: Question, requests: int, random: np.random.Generator) -> dict[str, list[float]]:
    """The times of ``requests`` requests each way, in turn, so that a busy minute strikes both alike."""
    times: dict[str, list[float]] = {"split": [], "whole": [], "product": []}
    users = random_values(USER_FIELDS, requests, random).rows(named=True)
    largest = 0.0
    for request in users:
        rows = random.choice(ITEMS, CANDIDATES, replace=False)
        for kind, score in (("split", question.split), ("whole", question.whole)):
            times[kind].append(milliseconds(partial(score, request, rows)))
        times["product"].append(question.products())
        if len(times["split"]) % 50 == 1:
            difference = np.abs(question.split(request, rows) - question.whole(request, rows)).max()
            largest = max(largest, float(difference))
    assert largest < 1e-5, f"{question.name}: scores differ by {largest}"
    times["difference"] = [largest]
    return times


def main() -> None:
    """Measure every model ``--runs`` times, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=300, help="requests of a run, after 30 to warm up")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    encoders, items = make_encoders(), random_values(ITEM_FIELDS, ITEMS, random)
    questions = {name: Question(name, settings, encoders, items) for name, settings, _ in QUESTIONS}
    found: dict[str, list[float]] = {}
    for _ in range(arguments.runs):
        for name, question in questions.items():
            measure(question, 30, random)
            times = measure(question, arguments.requests, random)
            for kind in ("split", "whole"):
                for percent in (50, 99):
                    value = float(np.percentile(times[kind], percent))
                    found.setdefault(f"{name} {kind} {percent}", []).append(round(value, 3))
            found.setdefault(f"{name} difference", []).append(times["difference"][0])
            found.setdefault("product", []).append(round(float(np.percentile(times["product"], 50)), 3))
    figures = []
    for name, _, goal in QUESTIONS:
        figures += [
            figure(f"{name} 500 candidates p99 ms", found[f"{name} split 99"], unit="ms", goal=goal),
            figure(f"{name} 500 candidates p50 ms", found[f"{name} split 50"], unit="ms", goal="-"),
            figure(f"{name} 500 whole rows p99 ms", found[f"{name} whole 99"], unit="ms", goal="-"),
            figure(f"{name} 500 whole rows p50 ms", found[f"{name} whole 50"], unit="ms", goal="-"),
            figure(f"{name} largest difference of a score", found[f"{name} difference"], unit="", goal="< 1e-5"),
            figure(f"{name} prepare 20,000 items", [round(questions[name].seconds, 3)], unit="s", goal="-"),
            figure(f"{name} 20,000 items", [round(questions[name].prepared.num_bytes / 2**20, 1)], unit="MB", goal="-"),
        ]
    figures.append(
        figure("ssr_d second block's matrix product alone p50 ms", found["product"], unit="ms", goal="the limit")
    )
    write_findings("score", figures)


if __name__ == "__main__":
    main()
