"""A batch is checked when it is born and then only sliced and moved."""

import pytest
import torch

from tamis.batch import Batch, Output


def small_batch() -> Batch:
    return Batch(
        ids=torch.arange(6, dtype=torch.int32).reshape(3, 2),
        lists=(torch.tensor([[2, 0], [3, 4], [0, 0]], dtype=torch.int32),),
        dense=torch.ones(3, 1),
        labels=torch.tensor([[0.0], [1.0], [0.0]]),
        groups=torch.tensor([7, 7, 8]),
    )


def test_parts_with_different_rows_are_refused():
    with pytest.raises(ValueError, match=r"Batch.labels must have 3 rows like Batch.ids; got 2"):
        Batch(ids=torch.zeros(3, 1), dense=torch.zeros(3, 0), labels=torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"Batch.lists\[0\] must have 3 rows"):
        Batch(ids=torch.zeros(3, 1), dense=torch.zeros(3, 0), lists=(torch.zeros(2, 1),))


def test_a_slice_cuts_every_part_and_keeps_absent_parts_absent():
    part = small_batch()[1:3]
    assert len(part) == 2
    assert part.ids.tolist() == [[2, 3], [4, 5]]
    assert part.lists[0].tolist() == [[3, 4], [0, 0]]
    assert part.labels is not None and part.labels.tolist() == [[1.0], [0.0]]
    assert part.groups is not None and part.groups.tolist() == [7, 8]
    assert part.weights is None and part.scenarios is None


def test_a_move_reaches_every_part():
    moved = small_batch().to("meta")
    assert {moved.ids.device.type, moved.lists[0].device.type, moved.dense.device.type} == {"meta"}


def test_a_probability_is_the_sigmoid_in_float32():
    output = Output(logits=torch.tensor([[0.0], [2.0]], dtype=torch.bfloat16))
    assert output.probabilities().dtype == torch.float32
    torch.testing.assert_close(output.probabilities(), torch.tensor([[0.5], [0.880797]]))
