"""Each pass that is timed: the same numbers both ways, and gradients for all it names."""

import os

import pytest
import torch

from tamis.kernels import kernels_for

NAMES = [
    *("ICS with values", "what follows the fusion's product", "the same with dropout", "dropout alone"),
    *("static filter", "mean of views"),
]


@pytest.fixture
def few(monkeypatch):
    import kernels

    monkeypatch.setattr(kernels, "ROWS", 16)
    return kernels


@pytest.mark.parametrize("name", [*NAMES, "a cross after its product"])
def test_a_pass_is_the_same_with_kernels_and_in_torch(few, name):
    run, learned = few.passes()[name]
    with few.kernels("on"):
        torch.manual_seed(1)
        fast = run()
    with few.kernels("off"):
        torch.manual_seed(1)
        slow = run()
        assert kernels_for(slow) is None
    # A cross gives the next product its numbers rounded already.
    torch.testing.assert_close(fast.float(), slow.float(), rtol=2e-2, atol=2e-2)
    assert all(grad is not None for grad in torch.autograd.grad(fast, learned, torch.ones_like(fast)))
    assert few.milliseconds((run, learned), repeats=1) > 0


def test_every_pass_is_tested(few):
    assert set(few.passes()) == {*NAMES, "a cross after its product"}


@pytest.mark.parametrize("before", [None, "off"])
def test_the_environment_is_left_as_it_was(few, monkeypatch, before):
    monkeypatch.delenv("TAMIS_KERNELS", raising=False)
    if before is not None:
        monkeypatch.setenv("TAMIS_KERNELS", before)
    with few.kernels("on"):
        assert "TAMIS_KERNELS" not in os.environ
    assert os.environ.get("TAMIS_KERNELS") == before
