"""Processes that a benchmark starts: whatever ends the benchmark ends them too, with all that they have started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

Command = Sequence[str | Path]
PATIENCE = 5.0
"""Seconds between asking a process to end and ending it."""


@contextmanager
def started(
    command: Command,
    *,
    output: IO[str] | int | None = None,
    errors: IO[str] | int | None = subprocess.STDOUT,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Iterator[subprocess.Popen[str]]:
    """A running process in a process group of its own, which is ended when the block is left.

    It is asked first (SIGTERM), so that it can end what it has started itself in other groups.
    """
    process = subprocess.Popen(
        command, stdout=output, stderr=errors, cwd=folder, env=environment, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _end_group(process, patience)


def run(
    command: Command,
    *,
    output: IO[str] | int | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> int:
    """Run a command to its end, errors and output in one stream; return its exit code."""
    with started(command, output=output, folder=folder, environment=environment, patience=patience) as process:
        return process.wait()


def end_when_told() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does: through its ``finally`` blocks, not past them."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Anew, because the handler that importing Polars puts in front of it does not wake up who waits for a process.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def last_line(path: Path) -> str:
    """The last line with words of what a process printed."""
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _end_group(process: subprocess.Popen[str], patience: float) -> None:
    try:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    finally:
        # Also for those of the group that outlive its first process, and when a second Ctrl-C cuts the waiting short.
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut short what the first one began
    sys.exit(128 + number)
