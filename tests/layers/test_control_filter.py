import pytest
import torch
from torch import Tensor

from tamis.layers import CompetitiveFilter, ControlFilter


def largest_by_loops(z: Tensor, gamma: Tensor, count: int) -> Tensor:
    """The positive ones among the ``count`` largest of every view, one number at a time."""
    output = torch.zeros_like(z)
    rows, views, width = z.shape
    for row in range(rows):
        for view in range(views):
            order = sorted(range(width), key=lambda i: -float(z[row, view, i]))
            for i in order[:count]:
                output[row, view, i] = max(float(z[row, view, i]), 0.0) * float(gamma[view, i])
    return output


def make(kind: str, **settings) -> ControlFilter:
    sieve = ControlFilter(views=3, width=8, kind=kind, **settings)
    with torch.no_grad():
        sieve.gamma.copy_(torch.linspace(0.5, 2, 24).view(3, 8))
    return sieve


@pytest.mark.parametrize("kept", [0.1, 0.25, 0.6, 1.0])
def test_top_k_keeps_the_largest_positive_ones_at_their_places(kept):
    z, sieve = torch.randn(5, 3, 8), make("top_k", kept=kept)
    expected = largest_by_loops(z, sieve.gamma.detach(), max(1, round(kept * 8)))
    torch.testing.assert_close(sieve(z).detach(), expected)


def test_relu_is_the_competition_whose_rates_stay_at_zero():
    z, sieve = torch.randn(5, 3, 8), make("relu")
    control = CompetitiveFilter(views=3, width=8, alpha_init=0.0)
    with torch.no_grad():
        control.gamma.copy_(sieve.gamma)
        torch.testing.assert_close(sieve(z), control(z))


@pytest.mark.parametrize("kind", ["relu", "top_k", "dropout"])
def test_values_are_multiplied_with_what_passes(kind):
    z, values, sieve = torch.randn(5, 3, 8), torch.randn(5, 3, 8), make(kind).eval()
    torch.testing.assert_close(sieve(torch.stack([z, values], dim=1)), sieve(z) * values)


@pytest.mark.parametrize("kind", ["relu", "top_k"])
def test_only_what_passes_gets_a_gradient(kind):
    z = torch.randn(5, 3, 8, requires_grad=True)
    output = make(kind)(z)
    output.sum().backward()
    assert z.grad is not None and 0 < (output != 0).sum() < output.numel()
    assert torch.equal(z.grad != 0, output != 0)


def test_dropout_keeps_a_share_and_the_mean_while_training_and_everything_in_evaluation():
    torch.manual_seed(0)
    z, sieve = torch.rand(2000, 3, 8) + 0.5, make("dropout", kept=0.25)
    output = sieve(z)
    assert (output != 0).double().mean().item() == pytest.approx(0.25, abs=0.01)
    assert output.mean().item() == pytest.approx((sieve.gamma * z).mean().item(), rel=0.03)
    torch.testing.assert_close(sieve.eval()(z), sieve.gamma * z)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"views": 0, "width": 2, "kind": "relu"}, "at least 1; got 0 and 2"),
        ({"views": 1, "width": 2, "kind": "top_k", "kept": 0.0}, "above 0 and at most 1; got 0.0"),
        ({"views": 1, "width": 2, "kind": "sort"}, "'relu', 'top_k' or 'dropout'; got 'sort'"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ControlFilter(**settings)
