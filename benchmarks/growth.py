"""How the cost of a training step grows: with the rows of the log, and with the ids of its tables.

Each pair of figures trains one model on a small and on a large encoded set, in turn (small, large, small, large), so
that a busy minute strikes both; what counts is their ratio, round by round. The rows of a set lie on the disk and are
loaded as ``tamis train`` loads them, memory-mapped and shuffled. A whole epoch of ten million rows would take SSR-D ten
minutes; timed is a window of some steps instead (``STEPS``), half of them from the beginning of the epoch and half from
its middle. Shuffling puts chunks from all over the file into every buffer of 262,144 rows, so that a window reads as an
epoch does. The seconds include the reading of the rows; validation and checkpoint are not in them.

Only the three large fields grow with the ids; the small ones, and so the model, stay as they are. The folder for
temporary files needs some 2 GB: ten million rows take 0.5 GB, the checkpoints of ten million ids up to 1.4 GB.

``memory.py``, which encodes a small and a large log anyway, lends the ratio of encoding.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from encoded_log import check_room, write_encoded_log
from findings import figure, short_count, write_findings
from train_step import AVAZU, QUESTIONS, Question, speed_of_steps

from tamis.batch import Batch
from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches

GOAL = "0.9 to 1.1"
PLACES = 2
STEPS = {"ssr_d": 32, "ssr_s": 128}
"""Of a timed window; some eight seconds of each model on two cores."""
WARM_UP_STEPS = 3
SMALL_FIELDS = AVAZU[3:]
LARGE_SHARES = tuple(size / sum(AVAZU[:3]) for size in AVAZU[:3])


class Window:
    """Some batches of the first epoch of a source, from places spread evenly over it: a ``BatchSource`` of its own.

    Example:
        >>> from tamis.training import MemorySource
        >>> import torch
        >>> rows = Batch(ids=torch.arange(20)[:, None], dense=torch.zeros(20, 0))
        >>> window = Window(MemorySource(rows, batch_size=2), steps=4, places=2)
        >>> [batch.ids.flatten().tolist() for batch in window.epoch(0)]
        [[0, 1], [2, 3], [10, 11], [12, 13]]
    """

    def __init__(self, source: EncodedBatches, *, steps: int, places: int = PLACES) -> None:
        in_each = min(steps, len(source)) // places
        if in_each < 1:
            raise ValueError(f"a window of {steps} steps in {len(source)} needs at least {places}, one a place.")
        self._source = source
        self._starts = [len(source) * place // places for place in range(places)]
        self._in_each = in_each
        self.rows = sum(self.rows_of(step) for step in range(len(self)))

    def __len__(self) -> int:
        return self._in_each * len(self._starts)

    def rows_of(self, step: int) -> int:
        """The rows of one batch."""
        place, after = divmod(step, self._in_each)
        return self._source.rows_of(self._starts[place] + after)

    def epoch(self, number: int, *, start: int = 0, rank: int = 0, count: int = 1) -> Iterator[Batch]:
        """The batches of every place in turn; the source has other rows there in another epoch."""
        batches = (
            batch
            for first in self._starts
            for batch in islice(self._source.epoch(number, start=first, rank=rank, count=count), self._in_each)
        )
        return islice(batches, start, None)


def cardinalities_of(ids: int) -> tuple[int, ...]:
    """Avazu's fields with so many ids over all; only the three large fields are scaled.

    Example:
        >>> cardinalities_of(1_540_000) == AVAZU, sum(cardinalities_of(100_000))
        (True, 100000)
    """
    left = ids - sum(SMALL_FIELDS)
    second, third = (round(share * left) for share in LARGE_SHARES[1:])
    return (left - second - third, second, third, *SMALL_FIELDS)


def speed(question: Question, encoded: EncodedSet, *, steps: int) -> float:
    """Rows a second of one window of training."""
    train, valid = (
        EncodedBatches(encoded.split(name), encoded.layout, batch_size=question.batch_size, shuffle_seed=seed)
        for name, seed in (("train", 0), ("valid", None))
    )
    warm_up, window = Window(train, steps=WARM_UP_STEPS, places=1), Window(train, steps=steps)
    return speed_of_steps(question, encoded.layout, warm_up=warm_up, source=window, valid=valid)


def compare(
    found: dict[str, list[float]], question: Question, sets: Sequence[tuple[str, EncodedSet]], *, steps: int
) -> None:
    """One round: the small set, then the large one, then their ratio."""
    speeds = [speed(question, encoded, steps=steps) for _, encoded in sets]
    (small, _), (large, _) = sets
    found.setdefault(f"{question.model} rows/s at {large} over {small}", []).append(round(speeds[1] / speeds[0], 3))
    for (name, _), value in zip(sets, speeds, strict=True):
        found.setdefault(f"{question.model} rows/s at {name}", []).append(value)


def main() -> None:
    """Measure every model on both pairs ``--runs`` times, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, help="steps of a timed window of every model")
    parser.add_argument("--rows", type=int, nargs=2, default=(1_000_000, 10_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--ids", type=int, nargs=2, default=(100_000, 10_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--models", nargs="*", choices=sorted(STEPS), default=sorted(STEPS), metavar="NAME")
    arguments = parser.parse_args()
    questions = [q for q in QUESTIONS if q.batch_size == 4096 and q.model in arguments.models]
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        check_room(place, needed=60 * (sum(arguments.rows) + 2 * arguments.rows[0]) + 140 * max(arguments.ids))

        def write(name: str, *, rows: int, ids: int) -> tuple[str, EncodedSet]:
            counts, shape = {"train": rows, "valid": 8192}, cardinalities_of(ids)
            return name, write_encoded_log(place / name, rows=counts, cardinalities=shape)

        by_rows = [write(f"{short_count(rows)} rows", rows=rows, ids=sum(AVAZU)) for rows in arguments.rows]
        by_ids = [write(f"{short_count(ids)} ids", rows=arguments.rows[0], ids=ids) for ids in arguments.ids]
        for _ in range(arguments.runs):
            for question in questions:
                steps = arguments.steps or STEPS[question.model]
                compare(found, question, by_rows, steps=steps)
                compare(found, question, by_ids, steps=steps)
    write_findings(
        "growth",
        [
            figure(name, runs, unit="times", goal=GOAL)
            if " over " in name
            else figure(name, runs, unit="rows/s", goal="-")
            for name, runs in found.items()
        ],
    )


if __name__ == "__main__":
    main()
