"""A set written without raw rows is one that the library opens, checks and trains on like any other."""

import numpy as np
import pytest

from tamis.data import EncodedSet
from tamis.data.batching import EncodedBatches

ROWS = {"train": 70_000, "valid": 500}
SHAPE = (40, 70_000)


@pytest.fixture
def encoded_log():
    import encoded_log

    return encoded_log


def test_the_set_opens_with_its_checksums_and_holds_zipf_ids_and_chance_labels(encoded_log, tmp_path):
    written = encoded_log.write_encoded_log(tmp_path / "log", rows=ROWS, cardinalities=SHAPE)
    encoded = EncodedSet.open(tmp_path / "log", verify=True)
    assert encoded.fingerprint == written.fingerprint
    assert encoded.layout.tables == {"c0": 42, "c1": 70_002}
    train = encoded.split("train")
    assert train.rows == ROWS["train"] and encoded.rows("valid") == ROWS["valid"]
    assert train.ids["c1"].min() == 2 and 60_000 < train.ids["c1"].max() < 70_002
    # The first of 40 values has a chance of log 2 / log 41.
    assert np.mean(train.ids["c0"] == 2) == pytest.approx(np.log(2) / np.log(41), abs=0.01)
    assert train.labels["click"].mean() == pytest.approx(encoded_log.CLICK_CHANCE, abs=0.01)
    [batch] = EncodedBatches(encoded.split("valid"), encoded.layout, batch_size=500).epoch(0)
    np.testing.assert_array_equal(batch.ids[:, 1], encoded.split("valid").ids["c1"])


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(encoded_log, tmp_path):
    first, second, other = (
        encoded_log.write_encoded_log(tmp_path / str(number), rows=ROWS, cardinalities=SHAPE, seed=seed)
        for number, seed in enumerate((0, 0, 1))
    )
    assert first.fingerprint == second.fingerprint != other.fingerprint


def test_too_little_room_is_said_in_one_sentence_before_anything_is_written(encoded_log, tmp_path):
    with pytest.raises(SystemExit, match=r"writes about 1000000\.0 GB there and [\d.]+ GB are free; free some space"):
        encoded_log.check_room(tmp_path / "not there yet", needed=10**15)
    assert list(tmp_path.iterdir()) == []
