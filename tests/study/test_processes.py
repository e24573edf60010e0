"""Processes of one core: what one of them does to itself stays its own affair."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from tamis.errors import ConfigError
from tamis.study.processes import Job, Outcome, and_then, run_chains


def double(number):
    return 2 * number


def fail():
    raise ConfigError("the thing is wrong.")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def surroundings():
    return os.environ["OMP_NUM_THREADS"], os.environ["GOMP_SPINCOUNT"], torch.get_num_threads()


def chain(results, *steps):
    for jobs in steps:
        results += yield jobs


def job(function, *arguments, name="job"):
    return Job(name=name, function=function, arguments=arguments)


def test_a_job_that_raises_and_one_that_is_killed_leave_the_others_alone():
    first, second, heard = [], [], []
    before = os.environ.get("OMP_NUM_THREADS")
    run_chains(
        [
            chain(first, [job(double, 1), job(die), job(double, 2)], [job(surroundings)]),
            chain(second, [job(fail)], [], [job(double, 4, name="last")]),
        ],
        processes=1,
        report=heard.append,
    )
    killed = Outcome(reason="its process was killed, perhaps for want of memory", was_killed=True)
    assert first == [Outcome(value=2), killed, Outcome(value=4), Outcome(value=("1", "0", 1))]
    assert second == [Outcome(reason="ConfigError: the thing is wrong."), Outcome(value=8)]
    assert sorted(heard) == ["job"] * 5 + ["last"]
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_a_process_that_is_killed_while_it_waits_is_replaced():
    results, killed, threads = [], [], set(threading.enumerate())

    def kill(_):
        if not killed:
            (child,) = multiprocessing.active_children()
            killed.append(child.pid)
            os.kill(child.pid, signal.SIGKILL)
            # The threads that look after the process end once they have seen that it did.
            for thread in set(threading.enumerate()) - threads:
                thread.join(120)

    run_chains([chain(results, [job(double, 1)], [job(double, 2)])], processes=1, report=kill)
    assert killed and results == [Outcome(value=2), Outcome(value=4)]


def write_later(begun, place):
    begun.touch()
    time.sleep(3)
    place.touch()


def wait_for(place):
    while not place.exists():
        time.sleep(0.01)


def test_after_an_error_here_no_process_goes_on(tmp_path):
    begun, written = tmp_path / "begun", tmp_path / "written"

    def break_off():
        yield [job(wait_for, begun)]
        raise OSError("no space left on the disk")

    with pytest.raises(OSError, match="no space left"):
        run_chains([chain([], [job(write_later, begun, written)]), break_off()], processes=2)
    assert begun.exists() and not multiprocessing.active_children()
    time.sleep(3.5)
    assert not written.exists()


def test_what_is_begun_is_ended_before_more_is_begun(in_this_process):
    heard = []
    chains = [
        chain([], [job(double, 1, name=f"{one} first")], [job(double, 2, name=f"{one} {n}") for n in "xy"])
        for one in "abc"
    ]
    run_chains(chains, processes=1, report=heard.append)
    assert heard == [f"{one} {step}" for one in "abc" for step in ("first", "x", "y")]


def test_followers_begin_when_what_they_follow_has_ended_and_wait_for_nothing_else(in_this_process):
    heard, results = [], []
    found = [job(double, 1, name="a tune")]
    chains = [
        and_then(chain([], found), [chain(results, [job(double, n, name=f"a {n}")]) for n in (1, 2)]),
        chain([], [job(double, 1, name="b tune")], [job(double, 2, name="b run")]),
        and_then(chain([], []), [chain([], [job(double, 3, name="c run")])]),
    ]
    run_chains(chains, processes=1, report=heard.append)
    assert heard == ["a tune", "a 1", "a 2", "b tune", "b run", "c run"]
    assert [outcome.value for outcome in results] == [2, 4]


def test_outcomes_come_in_the_order_of_the_jobs(in_this_process):
    results = []
    run_chains([chain(results, [job(double, number) for number in range(7)])], processes=3)
    assert [outcome.value for outcome in results] == [0, 2, 4, 6, 8, 10, 12]


def test_an_error_of_the_chain_itself_is_not_hidden(in_this_process):
    def broken():
        yield [job(double, 1)]
        raise ConfigError("no way on.")

    with pytest.raises(ConfigError, match="no way on"):
        run_chains([broken()], processes=1)


ORPHAN = """
import os, sys, time
sys.path.insert(0, {folder!r})
if __name__ == "__main__":
    from tamis.study.processes import Job, run_chains
    from orphan_job import write_pid_and_sleep
    def chain():
        yield [Job(name="a", function=write_pid_and_sleep, arguments=({pid_file!r},))]
    run_chains([chain()], processes=1)
"""
ORPHAN_JOB = """
import os, time
def write_pid_and_sleep(path):
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.replace(path + ".part", path)
    time.sleep(600)
"""


def test_nobody_outlives_a_killed_parent(tmp_path):
    pid_file = tmp_path / "pid"
    (tmp_path / "orphan_job.py").write_text(ORPHAN_JOB)
    (tmp_path / "main.py").write_text(ORPHAN.format(folder=str(tmp_path), pid_file=str(pid_file)))
    parent = subprocess.Popen([sys.executable, tmp_path / "main.py"])
    try:
        _wait_for(pid_file.exists, "the job has not begun")
        child = int(pid_file.read_text())
    finally:
        parent.kill()
        parent.wait()
    _wait_for(lambda: not _is_alive(child), "the job outlived its parent")


def _wait_for(condition, complaint, *, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, complaint
        time.sleep(0.05)


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
