import math

import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import FinalNet, FinalNetConfig

FRAPPE = {"user": 956, "item": 4084, "daytime": 9, "weekday": 9, "isweekend": 4}
FRAPPE |= {"homework": 5, "cost": 4, "weather": 11, "country": 82, "city": 235}


def layout_of(*sizes: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    tables = {f"f{i}": size for i, size in enumerate(sizes)}
    return Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables), tasks=tasks)


@pytest.mark.parametrize("has_gates", [True, False])
@pytest.mark.parametrize("second_hidden", [(), (4,)])
@torch.no_grad()
def test_it_equals_its_figure(has_gates, second_hidden):
    torch.manual_seed(0)
    config = FinalNetConfig(
        dim=2, first_hidden=(6, 4), second_hidden=second_hidden, has_gates=has_gates, hidden_norm=False
    )
    model = FinalNet(config, layout_of(6, 6, 6, tasks=("a", "b"))).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    vectors = model.embed.table.weight[batch.ids + torch.tensor([0, 6, 12])]
    inputs = [vectors.flatten(1), vectors.flatten(1)]
    if has_gates:
        gates = torch.einsum("gf,rfd->rgd", model.gate.weight, vectors) + model.gate.bias.unsqueeze(1)
        inputs[0] = torch.cat([vectors, vectors * gates], dim=1).flatten(1)
    scores = []
    for x, part in zip(inputs, (model.first, model.second), strict=True):
        if part is None:
            continue
        for interaction in part.block.interactions:
            kept, factor = (x @ interaction.linear.weight.T + interaction.linear.bias).chunk(2, dim=1)
            x = torch.relu(torch.cat([kept, kept * factor], dim=1))
        scores.append(x @ part.head.scores[0].weight.T + part.head.scores[0].bias)
    assert len(scores) == 1 + bool(second_hidden)
    torch.testing.assert_close(model(batch).logits, sum(scores) / len(scores))


def test_the_loss_of_two_blocks_is_the_cross_entropy_of_each_with_their_mean():
    torch.manual_seed(0)
    model = FinalNet(FinalNetConfig(dim=2, first_hidden=(6,), second_hidden=(4,)), layout_of(6, 6)).train()
    weights = torch.tensor([1.0, 2.0, 0.5])
    batch = Batch(ids=torch.tensor([[2, 3], [4, 5], [1, 2]]), dense=torch.empty(3, 0), weights=weights)
    scores = []
    for part in (model.first, model.second):
        part.register_forward_hook(lambda module, inputs, output: scores.append(output))
    loss = model(batch).losses["distillation"]
    expected = 0.0
    for row in range(3):
        own = [float(score[row, 0].detach()) for score in scores]
        target = 1 / (1 + math.exp(-sum(own) / 2))
        for score in own:
            chance = 1 / (1 + math.exp(-score))
            entropy = -(target * math.log(chance) + (1 - target) * math.log(1 - chance))
            expected += float(weights[row]) * entropy / 3
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-6)
    # The mean is a target, so the gradient at a block's score is that of cross-entropy with a constant.
    (gradient,) = torch.autograd.grad(loss, scores[0])
    target = torch.sigmoid((scores[0] + scores[1]) / 2)
    torch.testing.assert_close(gradient, (torch.sigmoid(scores[0]) - target) * weights.unsqueeze(1) / 3)


def test_one_block_undistilled_blocks_and_scoring_have_no_loss_of_their_own():
    batch = Batch(ids=torch.tensor([[2], [3]]), dense=torch.empty(2, 0))
    for settings, is_training in (
        ({"second_hidden": ()}, True),
        ({"is_distilled": False}, True),
        ({}, False),
    ):
        model = FinalNet(FinalNetConfig(first_hidden=(4,), **settings), layout_of(6)).train(is_training)
        assert not model(batch).losses


def test_it_has_the_parameters_of_the_reference_run():
    # BARS, FINAL on Frappe_x1, log of 2023-01-06, with its sizes of the vocabularies.
    layout = Layout(tables=FRAPPE, ids=tuple(IdField(name=name, table=name) for name in FRAPPE))
    config = FinalNetConfig(dim=10, first_hidden=(400, 400), second_hidden=(400,), has_gates=True)
    assert sum(parameter.numel() for parameter in FinalNet(config, layout).parameters()) == 338_502


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"first_hidden": ()}, "FinalNetConfig first_hidden needs at least one width; got none"),
        ({"second_hidden": (4, 3)}, r"second_hidden must be even, because residual 'concat' .* got \(4, 3\)"),
        ({"first_hidden": (0,)}, r"FinalNetConfig first_hidden must be at least 1; got \(0,\)"),
        ({"dropout": 1.0}, "FinalNetConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        FinalNetConfig(**setting)


def test_odd_widths_are_fine_for_sums():
    assert FinalNetConfig(residual="sum", first_hidden=(5,), second_hidden=(3,)).first_hidden == (5,)
