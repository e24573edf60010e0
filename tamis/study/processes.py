"""Jobs in processes of one core each: a job that fails or is killed takes nothing else with it."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

# Threads that wait asleep: where several spin for one core, each step takes ten times as long.
_ONE_CORE = {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "0"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A function of a module and its arguments, which another process can be sent."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job gave, or in ``reason`` why it gave nothing."""

    value: Any = None
    reason: str | None = None
    was_killed: bool = False


Chain = Generator[list[Job], list[Outcome], Any]
"""Work in order: it yields jobs that may run side by side, and is sent their outcomes before it goes on."""


def and_then(chain: Chain, followers: Sequence[Chain]) -> Chain:
    """A chain after whose end ``run_chains`` begins ``followers``, side by side."""
    yield from chain
    return _Followers(followers)


def run_chains(chains: Sequence[Chain], *, processes: int, report: Callable[[str], None] | None = None) -> None:
    """Run the jobs of all chains, at most ``processes`` at a time; ``report`` hears the name of each job that ended.

    A chain that was begun, and those that follow it, go on before another is begun, so that work cut short has ended
    chains to show. A job that raises, or whose process dies, has a reason as its outcome. If this process dies, so do
    the others.
    """
    lanes = [_Lane() for _ in range(processes)]
    waiting: deque[tuple[_Step, int]] = deque()
    running: dict[Future[Any], tuple[_Lane, _Step, int]] = {}

    def follow(steps: list[_Step]) -> None:
        for step in reversed(steps):
            waiting.extendleft((step, place) for place in reversed(range(len(step.jobs))))

    with _one_core_each():
        try:
            for chain in reversed(chains):
                follow(_advance(chain, None))
            while waiting or running:
                for lane in [lane for lane in lanes if lane not in [busy for busy, _, _ in running.values()]]:
                    if waiting:
                        step, place = waiting.popleft()
                        running[lane.submit(step.jobs[place])] = lane, step, place
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    lane, step, place = running.pop(future)
                    step.outcomes[place] = lane.outcome(future)
                    if report is not None:
                        report(step.jobs[place].name)
                    if len(step.outcomes) == len(step.jobs):
                        follow(_advance(step.chain, [step.outcomes[place] for place in range(len(step.jobs))]))
        except BaseException:
            # Nobody must go on writing into folders that whoever began this is about to let go.
            for lane in lanes:
                lane.end()
            raise
        finally:
            for lane in lanes:
                lane.close()


@dataclass(kw_only=True)
class _Step:
    """The jobs a chain waits for."""

    chain: Chain
    jobs: list[Job]
    outcomes: dict[int, Outcome] = field(default_factory=dict)


class _Followers(tuple[Chain, ...]):
    """What may begin when a chain has ended."""


def _advance(chain: Chain, outcomes: list[Outcome] | None) -> list[_Step]:
    """Send a chain its outcomes; its next jobs, or at its end those of its followers, if it has any.

    A chain with nothing to run goes on at once.
    """
    try:
        jobs = next(chain) if outcomes is None else chain.send(outcomes)
        while not jobs:
            jobs = chain.send([])
    except StopIteration as end:
        followers = end.value if isinstance(end.value, _Followers) else ()
        return [step for follower in followers for step in _advance(follower, None)]
    return [_Step(chain=chain, jobs=jobs)]


class _Lane:
    """One process that takes one job after the other, and another process once it has died."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, job: Job) -> Future[Any]:
        """Begin a job; where the process has died since the last one, in a new process."""
        try:
            return self._open().submit(job.function, *job.arguments)
        except BrokenProcessPool:
            self.close()
            return self._open().submit(job.function, *job.arguments)

    def outcome(self, future: Future[Any]) -> Outcome:
        """How a job ended."""
        error = future.exception()
        if error is None:
            return Outcome(value=future.result())
        if isinstance(error, BrokenProcessPool):
            self.close()
            return Outcome(reason="its process was killed, perhaps for want of memory", was_killed=True)
        if not isinstance(error, Exception):
            raise error
        return Outcome(reason=f"{type(error).__name__}: {error}")

    def end(self) -> None:
        """End the process at once, whatever it does, and wait until it has ended."""
        if self._pool is not None:
            # Until Python 3.14 an executor has no method for it.
            for process in list((getattr(self._pool, "_processes", None) or {}).values()):
                process.terminate()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def close(self) -> None:
        """End the process when its job has ended."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_settle)
        return self._pool


def _settle() -> None:
    """One thread; gone with the parent, so that a study started again finds nobody writing into its folders."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow_parent, daemon=True).start()


@contextmanager
def _one_core_each() -> Iterator[None]:
    """For processes begun inside."""
    before = {name: os.environ.get(name) for name in _ONE_CORE}
    os.environ.update(_ONE_CORE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
