import pytest
import torch
from torch import nn

from tamis.errors import ConfigError
from tamis.training import DenseOptimizer, GateOptimizer, TableOptimizer
from tamis.training.grda import GRDA
from tamis.training.optimizers import Optimizers


def soft(value: float, threshold: float) -> float:
    return max(value - threshold, 0.0) if value > 0 else min(value + threshold, 0.0)


def test_a_step_equals_its_formula_in_loops():
    rate, c, mu, steps = 0.5, 0.02, 0.7, 9
    start = [0.6, -0.4, 0.05, 0.0]
    gradients = torch.randn(steps, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 5
    weight = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = GRDA([weight], learning_rate=rate, c=c, mu=mu)
    zeros = 0
    for t in range(1, steps + 1):
        weight.grad = gradients[t - 1].clone()
        optimizer.step()
        # The closed form: the start less all gradients so far, cut at the threshold of step t.
        threshold = c * rate**0.5 * (t * rate) ** mu
        for place in range(4):
            total = sum(float(gradients[s, place]) for s in range(t))
            assert weight[place].item() == pytest.approx(soft(start[place] - rate * total, threshold), abs=1e-12)
        zeros += int((weight == 0).sum())
    assert zeros > 0


def test_a_zero_is_exact_and_not_for_ever():
    weight = nn.Parameter(torch.tensor([0.01]))
    optimizer = GRDA([weight], learning_rate=1.0, c=0.1, mu=0.5)
    seen = []
    for gradient in (0.0, 0.0, -0.5):
        weight.grad = torch.tensor([gradient])
        optimizer.step()
        seen.append(weight.item())
    assert seen[:2] == [0.0, 0.0]
    assert seen[2] == pytest.approx(0.51 - 0.1 * 3**0.5)


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Parameter(torch.full((3,), 0.6))
        self.gates.is_gate = True
        self.linear = nn.Linear(3, 1)


def make_optimizers(model: nn.Module) -> Optimizers:
    return Optimizers(model, tables=TableOptimizer(), dense=DenseOptimizer(), gates=GateOptimizer(c=0.01))


def test_marked_parameters_are_stepped_by_grda_and_no_others():
    optimizers = make_optimizers(Gated())
    assert [len(group["params"]) for group in optimizers.gates.param_groups] == [1]
    assert sum(len(group["params"]) for group in optimizers.dense.param_groups) == 2
    assert Optimizers(nn.Linear(1, 1), tables=TableOptimizer(), dense=DenseOptimizer()).gates is None


def test_what_it_remembers_is_put_back_to_the_bit():
    def train(model, optimizers, steps):
        for step in steps:
            torch.manual_seed(step)
            optimizers.zero_grad()
            model.linear(torch.randn(8, 3) * model.gates).square().mean().backward()
            optimizers.step(share=1.0 / (step + 1))

    torch.manual_seed(0)
    whole = Gated()
    train(whole, make_optimizers(whole), range(6))
    torch.manual_seed(0)
    half = Gated()
    before = make_optimizers(half)
    train(half, before, range(3))
    assert {"gates/gates/accumulator", "gates/gates/step", "gates/gates/threshold"} <= set(before.state_tensors())
    kept = {name: tensor.clone() for name, tensor in before.state_tensors().items()}
    resumed = Gated()
    resumed.load_state_dict(half.state_dict())
    after = make_optimizers(resumed)
    after.load_state_tensors(kept)
    train(resumed, after, range(3, 6))
    assert torch.equal(resumed.gates, whole.gates)
    assert torch.equal(resumed.linear.weight, whole.linear.weight)


@pytest.mark.parametrize("name", ["learning_rate", "c", "mu"])
def test_a_setting_outside_its_range_is_refused(name):
    with pytest.raises(ConfigError, match=f"GateOptimizer {name} must be above 0; got 0"):
        GateOptimizer(**{name: 0})
