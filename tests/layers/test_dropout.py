"""Dropout: what it drops, that both directions agree, and that a run repeats itself."""

import pytest
import torch
from torch.nn import functional as F

from tamis.layers import Dropout
from tamis.layers.dropout import draw_drops


@pytest.fixture(params=["compiled", "torch"])
def kernels(request, monkeypatch):
    """With the kernel, where there is a compiler, and without."""
    if request.param == "torch":
        monkeypatch.setenv("TAMIS_KERNELS", "off")
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.usefixtures("kernels")
def test_what_is_dropped_has_no_gradient_and_the_rest_is_divided_by_its_share(dtype):
    torch.manual_seed(0)
    x = torch.randn(60, 50, dtype=dtype, requires_grad=True)
    grad = torch.randn(60, 50, dtype=dtype)
    output = Dropout(0.25)(x)
    (grad_x,) = torch.autograd.grad(output, x, grad)
    gone = output == 0
    assert gone.float().mean().item() == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(output[~gone], x[~gone] / 0.75)
    torch.testing.assert_close(grad_x, torch.where(gone, 0.0, grad / 0.75))
    assert output.dtype == grad_x.dtype == dtype


@pytest.mark.usefixtures("kernels")
def test_a_seed_repeats_itself_and_the_next_call_drops_others():
    layer, x = Dropout(0.5), torch.ones(100, 100)
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first) and torch.equal(layer(x), second)
    assert (first != second).float().mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.usefixtures("kernels")
def test_nothing_is_dropped_or_drawn_when_serving_or_without_a_share():
    x, state = torch.ones(3, 4), torch.get_rng_state()
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x and draw_drops(0.0).share == 0.0
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(Dropout(1.0)(x), torch.zeros(3, 4))


@pytest.mark.usefixtures("kernels")
def test_numbers_that_do_not_lie_side_by_side_are_dropped_at_their_places():
    torch.manual_seed(0)
    x = torch.randn(30, 40).t().requires_grad_()
    output = Dropout(0.5)(x)
    (grad_x,) = torch.autograd.grad(output, x, torch.ones(30, 40).t())
    assert torch.equal(output, x.detach() * grad_x) and output.shape == (40, 30)


def test_a_graph_that_is_compiled_drops_by_torch(monkeypatch):
    x = torch.ones(50, 50)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.manual_seed(2)
    found = Dropout(0.5)(x)
    torch.manual_seed(2)
    assert torch.equal(found, F.dropout(x, 0.5))
