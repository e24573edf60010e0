import pytest
import torch

from tamis.layers import ViewNorm


@pytest.mark.parametrize("shared", [False, True])
def test_every_view_is_normalised_by_itself(shared):
    torch.manual_seed(0)
    norm = ViewNorm(views=3, width=5, shared=shared, eps=1e-2).double()
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    output = norm(x)
    for row in range(4):
        for view in range(3):
            numbers = x[row, view]
            mean = sum(numbers) / 5
            variance = sum((number - mean) ** 2 for number in numbers) / 5
            weight = norm.weight if shared else norm.weight[view]
            bias = norm.bias if shared else norm.bias[view]
            expected = weight * (numbers - mean) / (variance + 1e-2) ** 0.5 + bias
            torch.testing.assert_close(output[row, view], expected)


def test_the_affine_is_counted_once_when_shared():
    assert sum(p.numel() for p in ViewNorm(views=3, width=5).parameters()) == 30
    assert sum(p.numel() for p in ViewNorm(views=3, width=5, shared=True).parameters()) == 10
