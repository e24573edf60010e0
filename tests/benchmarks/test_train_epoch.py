"""A small epoch is run whole, and its figures agree with each other."""

import json
from dataclasses import replace

import pytest


@pytest.fixture
def train_epoch(monkeypatch, tmp_path):
    import train_epoch

    monkeypatch.setattr("findings.RESULTS", tmp_path)
    monkeypatch.setattr(train_epoch, "COPIED_BYTES", 1 << 16)
    monkeypatch.setattr(train_epoch, "product_gigaflops", lambda dtype: 100.0)
    return train_epoch


def test_the_shares_are_those_of_the_rates_beside_them(train_epoch, monkeypatch, tmp_path):
    first = train_epoch.QUESTIONS[0]
    tiny = replace(first, settings={"num_crosses": 1, "hidden": (8,)}, cardinalities=(300, 20))
    monkeypatch.setattr(train_epoch, "QUESTIONS", (tiny,))
    # So many rows that seconds rounded to hundredths add up to within the margin.
    monkeypatch.setattr("sys.argv", ["train_epoch.py", "--runs", "1", "--rows", "80000", "--memory-rows", "8192"])
    train_epoch.main()
    found = {line["name"]: line["value"] for line in json.loads((tmp_path / "train_epoch.json").read_text())["figures"]}
    whole, disk, memory = (
        found[f"dcn_v2 {name} rows/s"] for name in ("whole epoch", "steps from disk", "steps from memory")
    )
    assert 0 < whole < disk
    assert found["dcn_v2 whole epoch over steps from memory"] == pytest.approx(whole / memory, abs=0.001)
    seconds = 64_000 / disk + found["dcn_v2 validation and test"]
    seconds += found["dcn_v2 plan, checkpoint, saved model, record"]
    assert seconds == pytest.approx(64_000 / whole, rel=0.05)


def test_limits_are_compared_with_what_a_row_needs(train_epoch, tmp_path):
    tiny = replace(train_epoch.QUESTIONS[0], settings={"num_crosses": 1, "hidden": (8,)}, cardinalities=(300, 20))
    encoded = train_epoch.write_encoded_log(
        tmp_path / "log", rows={"train": 8192, "valid": 500, "test": 500}, cardinalities=tiny.cardinalities
    )
    limits = dict(zip(train_epoch.LIMITS, (2e9, 1e9, 5e8), strict=True))
    values = train_epoch.measure(tiny, encoded, limits, memory_rows=4096)
    # Two fields of 16 numbers: a cross of 32 x 32 in bf16 or float32, a hidden layer of 32 x 8, one score of 40 x 1.
    flops = 3 * 2 * (32 * 32 + 32 * 8 + 40)
    expected = values["whole epoch rows/s"] * flops / 2e9
    assert values["whole epoch over the bf16 product rate"] == pytest.approx(expected, abs=0.002, rel=0.05)
    assert values["whole epoch over the fp32 product rate"] == pytest.approx(2 * expected, abs=0.002, rel=0.05)
    batch = train_epoch.rows_in_memory(encoded, 4096)
    # At least the 32 numbers of a row, twice: themselves and their gradient.
    assert 2 * 32 * 2 < train_epoch.bytes_per_row(tiny, batch, encoded) < 5_000
    assert [train_epoch.unit_of(name) for name in ("x rows/s", "x over y", "validation and test")] == [
        "rows/s",
        "share",
        "s",
    ]
