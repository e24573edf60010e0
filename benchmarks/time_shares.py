"""Where the time goes, by torch's profiler: of a training step, and of scoring 500 candidates of one user.

An operation's time is without that of those inside it; what Python needs between them is the last line of each. A long
run less a short one leaves the steps alone, without building the model and validating it. The models and shapes are
those of ``train_step.py`` and ``score.py``. The profiler slows everything a little.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import score
import train_step
from findings import figure, write_findings
from torch.profiler import ProfilerActivity, profile

# The first pattern that the name of an operation holds says what it is.
KINDS = (
    ("matrix products", ("mm", "linear")),
    ("kernels between products", ("_CompetitiveSparse", "_FusionTail", "_GatherViews", "_MeanOfViews", "_Cross")),
    ("tables: gather, gradient, step", ("_GatherRows", "embedding", "index", "unique", "sparse", "sort", "coalesce")),
    ("AdamW", ("adam", "Adam")),
    ("copies and casts", ("copy", "cat", "clone", "contiguous")),
    ("other operations", ("",)),
)
PYTHON = "between operations"


def kind_of(operation: str) -> str:
    """What kind an operation is, by its name."""
    return next(kind for kind, patterns in KINDS if any(pattern in operation for pattern in patterns))


def seconds_by_kind(work: Callable[[], object]) -> dict[str, float]:
    """The time of each kind of operation in ``work``, and of what lies between them."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        start = time.perf_counter()
        work()
        elapsed = time.perf_counter() - start
    found = {name: 0.0 for name, _ in KINDS}
    for event in seen.key_averages():
        found[kind_of(event.key)] += event.self_cpu_time_total / 1e6
    # The backward pass has a thread of its own, which waits for nobody: operations never add up to more than the clock.
    return {**found, PYTHON: max(0.0, elapsed - sum(found.values()))}


def shares(long: Callable[[], object], short: Callable[[], object]) -> dict[str, float]:
    """The share of each kind in the time by which ``long`` is longer than ``short``."""
    more, less = seconds_by_kind(long), seconds_by_kind(short)
    own = {name: max(0.0, more[name] - less[name]) for name in more}
    return {name: round(seconds / sum(own.values()), 3) for name, seconds in own.items()}


def training(question: train_step.Question, rows: int) -> Callable[[], object]:
    """Whole steps of one question on rows made up for it."""
    batch, layout = train_step.make_rows(question.cardinalities, rows)
    return lambda: train_step.speed_in_memory(question, batch, layout)


def requests(question: score.Question, number: int, random: np.random.Generator) -> Callable[[], object]:
    """Requests that each choose 500 prepared items; a first one builds what the service keeps."""
    users = score.random_values(score.USER_FIELDS, number, random).rows(named=True)
    rows = [random.choice(score.ITEMS, score.CANDIDATES, replace=False) for _ in users]
    question.split(users[0], rows[0])
    return lambda: [question.split(user, chosen) for user, chosen in zip(users, rows, strict=True)]


def main() -> None:
    """Profile every question ``--runs`` times, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=32_768, help="rows trained on in a run")
    parser.add_argument("--requests", type=int, default=100)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    works = {
        f"{question.model} step": (training(question, arguments.rows), training(question, arguments.rows // 8))
        for question in train_step.QUESTIONS
        if question.batch_size == 4096
    }
    encoders, items = score.make_encoders(), score.random_values(score.ITEM_FIELDS, score.ITEMS, random)
    for name, settings, _ in score.QUESTIONS:
        if name.startswith("ssr"):
            question = score.Question(name, settings, encoders, items)
            works[f"{name} request"] = (
                requests(question, arguments.requests, random),
                requests(question, arguments.requests // 8, random),
            )
    found: dict[str, list[float]] = {}
    for _ in range(arguments.runs):
        for work_name, (long, short) in works.items():
            for kind, share in shares(long, short).items():
                found.setdefault(f"{work_name}: {kind}", []).append(share)
    write_findings("time_shares", [figure(name, runs, unit="share", goal="-") for name, runs in found.items()])


if __name__ == "__main__":
    main()
