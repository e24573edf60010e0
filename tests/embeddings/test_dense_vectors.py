import torch

from tamis.embeddings import DenseVectors


def test_it_is_one_linear_layer_for_each_field():
    torch.manual_seed(0)
    widths = (1, 3, 1, 2, 3)
    vectors = DenseVectors(widths=widths, dim=4)
    dense = torch.randn(6, sum(widths))
    output = vectors(dense)
    start = 0
    for field, width in enumerate(widths):
        columns = slice(start, start + width)
        expected = dense[:, columns] @ vectors.weight[columns] + vectors.bias[field]
        torch.testing.assert_close(output[:, field], expected)
        start += width


def test_weights_start_within_the_bound_of_each_fields_width():
    torch.manual_seed(0)
    vectors = DenseVectors(widths=(1, 100), dim=64)
    assert 0.9 < vectors.weight[0].abs().max() <= 1.0
    assert 0.09 < vectors.weight[1:].abs().max() <= 0.1
    assert vectors.bias[1].abs().max() <= 0.1


def test_without_constants_zero_stays_zero_and_weights_start_within_the_given_bound():
    vectors = DenseVectors(widths=(1, 100), dim=64, has_bias=False, init_bound=0.05)
    assert vectors.bias is None
    assert not vectors(torch.zeros(2, 101)).any()
    torch.testing.assert_close(vectors(torch.ones(1, 101))[0, 1], vectors.weight[1:].sum(dim=0))
    assert 0.045 < vectors.weight[0].abs().max() <= 0.05
    assert 0.045 < vectors.weight[1:].abs().max() <= 0.05


def test_a_numeric_field_is_not_rounded_under_autocast():
    vectors = DenseVectors(widths=(1, 1), dim=4)
    dense = torch.tensor([[1000.5, 3.0]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = vectors(dense)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, vectors(dense))
