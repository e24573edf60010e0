import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.metrics import GrowingArray, growing_array


@settings(deadline=None, max_examples=100)
@given(sizes=st.lists(st.integers(0, 9), max_size=12), block_rows=st.integers(1, 8), joined_after=st.integers(0, 12))
def test_rows_come_back_in_their_order_whatever_the_blocks(sizes, block_rows, joined_after):
    rows, parts = GrowingArray(), [np.arange(size) + 100 * place for place, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing_array, "_BLOCK_ROWS", block_rows)
        for place, part in enumerate(parts):
            rows.extend(part)
            if place == joined_after:
                np.testing.assert_array_equal(rows.join(), np.concatenate(parts[: place + 1]))
        assert len(rows) == sum(sizes)
        np.testing.assert_array_equal(rows.join(), np.concatenate([np.empty(0), *parts]))


def test_rows_may_have_columns_and_types_may_meet():
    rows = GrowingArray()
    rows.extend(np.array([[0.1, 0.2]], dtype=np.float32))
    rows.extend(np.array([[0.1, 0.2]]))
    rows.extend(np.array([[0.5, 0.5]], dtype=np.float32))
    assert rows.join().dtype == np.float64
    assert rows.join().tolist() == [[np.float32(0.1), np.float32(0.2)], [0.1, 0.2], [0.5, 0.5]]


def test_a_million_rows_lie_in_a_few_blocks_with_little_room_to_spare():
    rows = GrowingArray()
    for _ in range(122):
        rows.extend(np.zeros(8192, dtype=np.float32))
    assert len(rows._blocks) < 12
    assert sum(block.nbytes for block in rows._blocks) < 1.1 * 4 * len(rows)


def test_another_process_gets_the_rows_without_the_room_for_more():
    rows = GrowingArray()
    for _ in range(3):
        rows.extend(np.ones(1000))
    sent = pickle.dumps(rows)
    assert len(sent) < 3000 * 8 + 1000
    received = pickle.loads(sent)
    received.extend(np.zeros(2))
    assert len(received) == 3002 and received.join().sum() == 3000
