"""A window reaches every part of an epoch, and a pair of sets is compared in turn."""

import json

import pytest
import torch

from tamis.batch import Batch
from tamis.training import MemorySource


@pytest.fixture
def growth(monkeypatch, tmp_path):
    import growth

    monkeypatch.setattr("findings.RESULTS", tmp_path)
    return growth


def source_of(rows, batch_size):
    return MemorySource(Batch(ids=torch.arange(rows)[:, None], dense=torch.zeros(rows, 0)), batch_size=batch_size)


def first_ids(batches):
    return [int(batch.ids[0, 0]) for batch in batches]


def test_a_window_gives_the_same_batches_as_the_epoch_at_places_spread_over_it(growth):
    source = source_of(103, 10)
    whole = [batch.ids.flatten().tolist() for batch in source.epoch(0)]
    window = growth.Window(source, steps=6, places=3)
    assert [batch.ids.flatten().tolist() for batch in window.epoch(0)] == [whole[step] for step in (0, 1, 3, 4, 7, 8)]
    assert [window.rows_of(step) for step in range(6)] == [len(whole[step]) for step in (0, 1, 3, 4, 7, 8)]
    assert window.rows == sum(len(whole[step]) for step in (0, 1, 3, 4, 7, 8))
    assert first_ids(window.epoch(0, start=4)) == first_ids(window.epoch(0))[4:]


def test_a_window_larger_than_the_epoch_takes_no_batch_twice(growth):
    window = growth.Window(source_of(80, 10), steps=100, places=4)
    assert first_ids(window.epoch(0)) == list(range(0, 80, 10))
    with pytest.raises(ValueError, match="a window of 2 steps in 8 needs at least 4"):
        growth.Window(source_of(80, 10), steps=2, places=4)


@pytest.mark.parametrize("ids", [100_000, 1_540_000, 10_000_000])
def test_ids_grow_in_the_large_fields_alone(growth, ids):
    shape = growth.cardinalities_of(ids)
    assert sum(shape) == ids and shape[3:] == growth.SMALL_FIELDS
    assert shape[0] == pytest.approx(10 * shape[2], rel=0.001)


def test_small_and_large_sets_take_turns(growth, monkeypatch):
    turns, speeds = [], iter((100.0, 95.0, 200.0, 180.0))

    def speed(question, encoded, *, steps):
        turns.append(encoded)
        return next(speeds)

    monkeypatch.setattr(growth, "speed", speed)
    found = {}
    for _ in range(2):
        growth.compare(found, growth.QUESTIONS[0], [("1M rows", "small"), ("10M rows", "large")], steps=4)
    assert turns == ["small", "large"] * 2
    assert found["dcn_v2 rows/s at 10M rows over 1M rows"] == [0.95, 0.9]
    assert found["dcn_v2 rows/s at 1M rows"] == [100.0, 200.0]


def test_a_small_comparison_runs_and_leaves_its_figures(growth, monkeypatch, tmp_path):
    tiny = growth.Question(
        name="tiny", model="ssr_s", settings={"views": (2,), "widths": (8,)}, cardinalities=(5,), goal="-"
    )
    monkeypatch.setattr(growth, "QUESTIONS", (tiny,))
    command = "growth.py --runs 1 --steps 4 --rows 20000 40000 --ids 50000 100000 --models ssr_s"
    monkeypatch.setattr("sys.argv", command.split())
    growth.main()
    figures = {line["name"]: line for line in json.loads((tmp_path / "growth.json").read_text())["figures"]}
    ratio, few, many = (
        figures[f"ssr_s rows/s at {name}"] for name in ("0.1M ids over 50000 ids", "50000 ids", "0.1M ids")
    )
    assert ratio["value"] == pytest.approx(many["value"] / few["value"], abs=0.001)
    assert ratio["goal"] == growth.GOAL and few["value"] > 0
    assert "ssr_s rows/s at 40000 rows over 20000 rows" in figures
