import pytest
import torch

from tamis.layers import Dice


def test_while_training_it_equals_its_formula_with_the_batchs_own_statistics():
    torch.manual_seed(0)
    layer, x = Dice(channels=2).double(), torch.randn(5, 2, dtype=torch.float64) * 3 + 1
    torch.nn.init.uniform_(layer.alpha, -0.5, 0.5)
    expected = torch.empty_like(x)
    for c in range(2):
        values = x[:, c].tolist()
        mean = sum(values) / 5
        spread = (sum((value - mean) ** 2 for value in values) / 5 + 1e-8) ** 0.5
        for r, value in enumerate(values):
            share = 1 / (1 + 2.718281828459045 ** -((value - mean) / spread))
            expected[r, c] = share * value + (1 - share) * layer.alpha[c].item() * value
    torch.testing.assert_close(layer(x), expected)


def test_in_evaluation_the_statistics_are_those_of_the_batches_so_far():
    torch.manual_seed(0)
    layer, batches = Dice(channels=3).double(), torch.randn(4, 50, 3, dtype=torch.float64) * 2 + 5
    for batch in batches:
        layer(batch)
    layer.eval()
    mean, variance = batches.mean(dim=(0, 1)), batches.var(dim=1).mean(dim=0)
    x = torch.randn(2, 3, dtype=torch.float64) + 5
    torch.testing.assert_close(layer(x), x * torch.sigmoid((x - mean) / (variance + 1e-8).sqrt()))
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))


def test_a_step_at_zero_in_the_data_makes_it_prelu():
    layer = Dice(channels=1).eval()
    torch.nn.init.constant_(layer.alpha, 0.25)
    layer.norm.running_var.fill_(1e-12)  # all of a channel at zero: the turn is sharp
    torch.testing.assert_close(layer(torch.tensor([[-2.0], [3.0]])), torch.tensor([[-0.5], [3.0]]))


def test_it_learns_one_number_a_channel():
    assert [tuple(parameter.shape) for parameter in Dice(channels=7).parameters()] == [(7,)]
    with pytest.raises(ValueError, match="Dice channels must be at least 1; got 0"):
        Dice(channels=0)
