import pytest
import torch

from tamis.layers import LinearCompression


@torch.no_grad()
def test_each_new_vector_is_a_weighted_sum():
    torch.manual_seed(0)
    layer = LinearCompression(vectors_in=4, vectors=2)
    x = torch.randn(3, 4, 5)
    output = layer(x)
    for row in range(3):
        for new in range(2):
            expected = sum(layer.weight[new, old] * x[row, old] for old in range(4))
            torch.testing.assert_close(output[row, new], expected)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="vectors_in and vectors must be at least 1; got 4 and 0"):
        LinearCompression(vectors_in=4, vectors=0)
