"""Whatever ends a benchmark ends the processes it has started, and those that they have started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
DRIVER = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pids.txt").write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
# What peers.py does with a library, without installing one. A shell lets its background jobs ignore SIGINT; not here.
BENCHMARK = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {str(BENCHMARKS)!r})
from pathlib import Path
import peers
peers.end_when_told()
library = peers.Library(name="tamis", python=Path(sys.executable), driver=Path(sys.argv[1]) / "driver.py")
library.run({{"task": "train"}}, Path(sys.argv[1]) / "job")
"""


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_told_peers_leaves_neither_its_driver_nor_what_that_has_started(tmp_path, number):
    (tmp_path / "driver.py").write_text(DRIVER)
    pids = tmp_path / "job" / "pids.txt"
    with subprocess.Popen([sys.executable, "-c", BENCHMARK, tmp_path], stderr=subprocess.DEVNULL) as benchmark:
        try:
            wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
            benchmark.send_signal(number)
            assert benchmark.wait(60) != 0
        finally:
            benchmark.kill()
    processes = [int(pid) for pid in pids.read_text().split()]
    wait_until(lambda: not any(map(is_alive, processes)), seconds=10)


@pytest.fixture
def processes():
    import processes

    return processes


def test_a_process_that_will_not_end_when_asked_is_ended(processes, tmp_path):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(600)"
    log = tmp_path / "log.txt"
    with open(log, "w") as output:
        command = [sys.executable, "-u", "-c", stubborn]
        with processes.started(command, output=output, patience=0.2) as process:
            wait_until(lambda: "ready" in log.read_text())
        assert process.returncode == -signal.SIGKILL


def test_an_error_in_the_block_ends_the_process_too(processes):
    with (
        pytest.raises(RuntimeError, match="gave up"),
        processes.started([sys.executable, "-c", "import time; time.sleep(600)"]) as process,
    ):
        raise RuntimeError("gave up")
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_ends_by_itself_gives_its_code_and_its_words(processes, tmp_path):
    log = tmp_path / "log.txt"
    command = [sys.executable, "-c", "import os, sys; print(os.getcwd(), os.environ['MARK']); sys.exit('no luck')"]
    with open(log, "w") as output:
        code = processes.run(command, output=output, folder=tmp_path, environment={**os.environ, "MARK": "here"})
    assert code == 1
    assert sorted(log.read_text().splitlines()) == sorted([f"{tmp_path} here", "no luck"])
    (tmp_path / "empty.txt").write_text("\n")
    assert processes.last_line(tmp_path / "empty.txt") == "it printed nothing"
