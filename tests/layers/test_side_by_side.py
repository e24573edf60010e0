import pytest
import torch

from tamis.layers import MLP, OwnTowers, SideBySide, TaskTowers


@torch.no_grad()
def test_it_equals_networks_one_by_one():
    torch.manual_seed(0)
    layer, x = SideBySide(networks=3, d_in=4, hidden=(5, 2)), torch.randn(6, 3, 4)
    for bias in layer.biases:
        bias.normal_()
    for number in range(3):
        network = MLP(d_in=4, hidden=(5, 2))
        for linear, weight, bias in zip(network.linears, layer.weights, layer.biases, strict=True):
            linear.weight.copy_(weight[number].T)
            linear.bias.copy_(bias[number, 0])
        torch.testing.assert_close(layer(x)[:, number], network(x[:, number]))


@torch.no_grad()
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_towers_on_one_input_equal_those_that_share_it(hidden):
    torch.manual_seed(0)
    own, shared, x = OwnTowers(d_in=4, tasks=2, hidden=hidden), TaskTowers(d_in=4, tasks=2, hidden=hidden), None
    x = torch.randn(6, 4)
    own.bias.normal_()
    for task in range(2):
        for number, weight in enumerate(own.hidden.weights):
            shared.towers[task].linears[number].weight.copy_(weight[task].T)
        score = shared.scores[task] if hidden else shared.scores[0]
        row = 0 if hidden else task
        score.weight[row].copy_(own.weight[task])
        score.bias[row].copy_(own.bias[task])
    torch.testing.assert_close(own(x.unsqueeze(1).expand(6, 2, 4)), shared(x))


def test_a_tower_sees_its_own_input_alone():
    torch.manual_seed(0)
    towers, x = OwnTowers(d_in=4, tasks=2, hidden=(3,)), torch.randn(6, 2, 4)
    changed = x.clone()
    changed[:, 1] += 1
    before, after = towers(x), towers(changed)
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])


def test_without_hidden_layers_the_input_passes():
    x = torch.randn(2, 3, 4)
    assert torch.equal(SideBySide(networks=3, d_in=4, hidden=())(x), x)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"networks": 0}, r"SideBySide networks, d_in and hidden must be at least 1; got 0, 3 and \(2,\)"),
        ({"dropout": 1.0}, "SideBySide dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_wrong_size_is_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        SideBySide(**({"networks": 2, "d_in": 3, "hidden": (2,)} | sizes))
