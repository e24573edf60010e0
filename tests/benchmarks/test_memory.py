"""Peaks are those of the watched process, and what counts is the process that encodes and trains."""

import json
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

STEP = """
import json, mmap, sys, time
own = bytearray(80_000_000)
with open(sys.argv[4] + "/mapped.bin", "wb+") as file:
    file.truncate(40_000_000)
    mapped = mmap.mmap(file.fileno(), 0)
    total = sum(mapped[place] for place in range(0, 40_000_000, 4096))
    time.sleep(0.2)
del own
time.sleep(0.1)
sys.path.insert(0, sys.argv[4])
print(json.dumps({"peak": PEAK, "seconds": 1.5}))
"""


@pytest.fixture
def memory(monkeypatch, tmp_path):
    import memory

    monkeypatch.setattr("findings.RESULTS", tmp_path)
    return memory


def test_own_memory_and_mapped_files_are_told_apart(memory, monkeypatch, tmp_path):
    script = tmp_path / "step.py"
    peak = 'int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) / 1e3'
    script.write_text(STEP.replace("PEAK", peak))
    monkeypatch.setattr(memory, "__file__", str(script))
    seen = memory.watch("any", tmp_path)
    assert 80 < seen.own < 110
    assert 40 < seen.files < 70
    assert 120 < seen.whole < 160 and seen.seconds == 1.5


def test_a_step_that_fails_is_named(memory, monkeypatch, tmp_path):
    (tmp_path / "step.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(memory, "__file__", str(tmp_path / "step.py"))
    with pytest.raises(SystemExit, match="step 'train' failed"):
        memory.watch("train", tmp_path)


def test_the_growth_that_counts_is_that_of_encoding_and_training_in_one_process(memory, monkeypatch, tmp_path):
    (tmp_path / "growth.json").write_text(json.dumps({"figures": []}))
    asked = []

    def watch(step, folder):
        rows = (folder / "log.tsv").read_bytes().count(b"\n")
        asked.append((step, rows))
        whole = {"encode and train": 700.0, "train": 600.0}.get(step, 400.0) + rows / 100
        return memory.Peak(whole=whole, own=whole - 150, files=150.0, seconds=rows / (1000 if rows == 300 else 900))

    monkeypatch.setattr(memory, "watch", watch)
    monkeypatch.setattr("sys.argv", ["memory.py", "--rows", "300"])
    memory.main()
    found = {line["name"]: line for line in json.loads((tmp_path / "memory.json").read_text())["figures"]}
    headline = found["peak MB of 3000 rows minus 300 rows"]
    assert (headline["value"], headline["goal"]) == (27.0, "< 150")
    assert found["train: peak at 3,000 rows"]["value"] == 630.0
    assert found["prepare: growth of own memory"]["value"] == 27.0
    assert found["prepare: growth of mapped files"]["value"] == 0.0
    assert [rows for _, rows in asked] == [300] * 4 + [3000] * 4
    [lent] = json.loads((tmp_path / "growth.json").read_text())["figures"]
    assert (lent["name"], lent["value"]) == ("encoding rows/s at 3000 rows over 300 rows", 0.9)


def test_the_default_sizes_are_those_of_the_figure_everyone_asks_for(memory, monkeypatch, tmp_path):
    written = []
    monkeypatch.setattr(memory, "write_log", lambda path, rows: written.append(rows))
    monkeypatch.setattr(memory, "watch", lambda step, folder: memory.Peak(whole=1.0, own=1.0, files=0.0, seconds=1.0))
    monkeypatch.setattr("sys.argv", ["memory.py"])
    memory.main()
    assert written == [1_000_000, 10_000_000]
    first = json.loads((tmp_path / "memory.json").read_text())["figures"][0]
    assert first["name"] == "peak MB of 10M rows minus 1M rows"
