"""Bars on a terminal, a plain line every few seconds elsewhere; only the main process draws."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from tamis.training import Progress

_SECONDS_BETWEEN_LINES = 10.0


class _Bars:
    """One bar for each named stage, made when the stage is first heard of."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._is_silent = os.environ.get("RANK", "0") != "0"
        self._progress = Bars(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=self._is_silent or not self._console.is_terminal,
        )
        self._tasks: dict[str, Any] = {}
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, sentence: str) -> None:
        """Print a sentence above the bars."""
        if not self._is_silent:
            self._console.print(sentence, highlight=False, markup=False)

    def show(self, stage: str, done: int, total: int | None, note: str = "") -> None:
        """Move the bar called ``stage`` to ``done``."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, note=note)
        self._progress.update(self._tasks[stage], completed=done, total=total, note=note)
        if not self._console.is_terminal and not self._is_silent:
            self._print_line(stage, done, total, note)

    def _print_line(self, stage: str, done: int, total: int | None, note: str) -> None:
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            of = f" of {total:,}" if total else ""
            print(f"{stage}: {done:,}{of} {note}".rstrip(), file=sys.stderr, flush=True)


class EncodingBars(_Bars):
    """Called by ``prepare`` with each stage and its rows."""

    def __call__(self, stage: str, rows: int, total: int | None) -> None:
        """Show that ``rows`` rows of ``stage`` are done."""
        self.show(stage, rows, total)


@contextmanager
def rows_bar(stage: str) -> Iterator[Callable[[int], None]]:
    """A bar of rows whose number nobody knows beforehand; the function it gives takes the rows just done."""
    done = 0
    with _Bars() as bars:

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            bars.show(stage, done, None)

        yield advance


class TrainingBar(_Bars):
    """Called by ``train`` with where the run is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._valid = ""

    def __call__(self, progress: "Progress") -> None:
        """Show the step, the loss and the last validation."""
        if progress.valid is not None:
            self._valid = f" valid AUC {progress.valid['auc']:.4f}"
        if progress.note:
            self.say(f"{self._name}: {progress.note}")
        loss = "" if progress.loss is None else f"loss {progress.loss:.4f}"
        note = f"epoch {progress.epoch}/{progress.epochs} {loss}{self._valid} {progress.rows_per_second:,.0f} rows/s"
        self.show(self._name, progress.step, progress.total_steps, note)


class StudyBar(_Bars):
    """Called by a study with how many runs of how many have ended, and the name of the last."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __call__(self, done: int, total: int, note: str) -> None:
        """Show that one more has ended."""
        self.show(self._name, done, total, note)
