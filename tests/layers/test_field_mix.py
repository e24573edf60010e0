import torch

from tamis.layers import mix_fields


def test_every_dimension_is_mixed_alike():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(3, 4, 2), torch.randn(5, 4), torch.randn(5)
    output = mix_fields(x, weight, bias)
    for row in range(3):
        for d in range(2):
            for j in range(5):
                expected = bias[j] + sum(weight[j, i] * x[row, i, d] for i in range(4))
                torch.testing.assert_close(output[row, d, j], expected)


@torch.inference_mode()
def test_where_the_weight_was_made_does_not_matter_to_the_last_bit():
    torch.manual_seed(0)
    with torch.inference_mode(False):
        weight = torch.nn.Parameter(torch.randn(4, 5))
    x = torch.randn(213, 5, 4)
    assert torch.equal(mix_fields(x, weight), mix_fields(x, weight.clone()))
