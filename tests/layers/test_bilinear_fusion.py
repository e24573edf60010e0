import math

import pytest
import torch

from tamis.layers import BilinearFusion


@pytest.mark.parametrize("tasks", [1, 3])
@torch.no_grad()
def test_it_equals_its_formula(tasks):
    torch.manual_seed(0)
    fusion = BilinearFusion(x_width=4, y_width=6, heads=2, tasks=tasks).double()
    fusion.linear.bias.normal_()
    x, y = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 6, dtype=torch.float64)
    expected = torch.zeros(5, tasks, dtype=torch.float64)
    for row in range(5):
        for task in range(tasks):
            score = float(fusion.linear.bias[task])
            score += sum(float(fusion.linear.weight[task, i] * x[row, i]) for i in range(4))
            score += sum(float(fusion.linear.weight[task, 4 + j] * y[row, j]) for j in range(6))
            for head in range(2):
                for i in range(2):
                    for j in range(3):
                        weight = fusion.weight[head, i, 3 * task + j]
                        score += float(x[row, 2 * head + i] * weight * y[row, 3 * head + j])
            expected[row, task] = score
    torch.testing.assert_close(fusion(x, y), expected)


def test_its_products_start_as_small_as_in_the_authors_code():
    """There those of all heads are one column of 2,000 numbers, filled by Glorot's rule for that shape."""
    torch.manual_seed(0)
    fusion = BilinearFusion(x_width=200, y_width=100, heads=10, tasks=1)
    assert fusion.weight.numel() == 2000
    assert fusion.weight.detach().std().item() == pytest.approx(math.sqrt(2 / 2001), rel=0.1)


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="must be at least 1; got 4, 6, 0 and 1"):
        BilinearFusion(x_width=4, y_width=6, heads=0, tasks=1)
    with pytest.raises(ValueError, match="heads must divide both widths, 4 and 6; got 4"):
        BilinearFusion(x_width=4, y_width=6, heads=4, tasks=1)
