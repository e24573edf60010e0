import math

import pytest
import torch

from tamis.layers import LogarithmicLayer


def products_by_loops(vectors, weight, layer):
    """In evaluation mode: batch normalisation is a fixed scale and shift."""
    rows, fields, dim = vectors.shape
    neurons = len(weight)

    def normal(norm, channel, x):
        spread = math.sqrt(float(norm.running_var[channel]) + norm.eps)
        return (x - float(norm.running_mean[channel])) / spread * float(norm.weight[channel]) + float(
            norm.bias[channel]
        )

    output = torch.zeros(rows, dim, neurons)
    for row in range(rows):
        for d in range(dim):
            for j in range(neurons):
                product = 1.0
                for i in range(fields):
                    logarithm = math.log(max(abs(float(vectors[row, i, d])), layer.smallest))
                    product *= math.exp(normal(layer.log_norm, i, logarithm)) ** float(weight[j, i])
                output[row, d, j] = normal(layer.product_norm, j, product)
    return output.flatten(1)


@torch.no_grad()
def test_it_multiplies_powers():
    torch.manual_seed(0)
    layer = LogarithmicLayer(fields=3, neurons=4, smallest=1e-3).eval()
    layer.weight.normal_()
    for norm in (layer.log_norm, layer.product_norm):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    vectors = torch.randn(5, 3, 2)
    vectors[0, 1, 0] = 0.0
    torch.testing.assert_close(layer(vectors), products_by_loops(vectors, layer.weight, layer))


@torch.no_grad()
def test_in_training_logarithms_are_normalised_for_each_field_and_products_for_each_neuron():
    torch.manual_seed(0)
    layer = LogarithmicLayer(fields=3, neurons=4).train()
    layer.weight.mul_(10)
    vectors = torch.randn(50, 3, 2) * torch.tensor([1.0, 10.0, 1e-3]).view(1, 3, 1)
    logarithms = layer.logarithms(vectors)
    torch.testing.assert_close(logarithms.mean(dim=(0, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(logarithms.var(dim=(0, 2), unbiased=False), torch.ones(3), atol=1e-4, rtol=0)
    products = layer.finish(layer.project(logarithms)).view(50, 2, 4)
    torch.testing.assert_close(products.mean(dim=(0, 1)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(products.var(dim=(0, 1), unbiased=False), torch.ones(4), atol=1e-3, rtol=0)


@torch.no_grad()
def test_mixed_precision_does_not_round_it():
    torch.manual_seed(0)
    layer, vectors = LogarithmicLayer(fields=3, neurons=4).eval(), torch.randn(5, 3, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = layer(vectors)
    assert torch.equal(rounded, layer(vectors))


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="fields and neurons must be at least 1; got 3 and 0"):
        LogarithmicLayer(fields=3, neurons=0)
    with pytest.raises(ValueError, match="smallest must be above 0; got 0.0"):
        LogarithmicLayer(fields=3, neurons=2, smallest=0.0)
