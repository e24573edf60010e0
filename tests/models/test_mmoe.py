import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import MMoE, MMoEConfig


def layout_of(tasks: tuple[str, ...]) -> Layout:
    ids = tuple(IdField(name=name, table=name) for name in ("user", "item"))
    return Layout(tables={"user": 7, "item": 9}, ids=ids, tasks=tasks)


@torch.no_grad()
@pytest.mark.parametrize("tasks", [("click",), ("click", "pay", "like")])
def test_it_equals_its_formula(tasks):
    torch.manual_seed(0)
    model = MMoE(MMoEConfig(dim=3, num_experts=2, expert_hidden=(5, 4), head=(6,)), layout_of(tasks)).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(1, 7, (8, 2)), dense=torch.empty(8, 0))
    x = model.embed.table.weight[batch.ids + torch.tensor([0, 7])].flatten(1)
    experts, head = model.experts, model.head
    answers = []
    for i in range(2):
        own = slice(5 * i, 5 * i + 5)
        hidden = torch.relu(x @ experts.first.weight[own].T + experts.first.bias[own])
        answers.append(torch.relu(hidden @ experts.others.weights[0][i] + experts.others.biases[0][i]))
    logits = []
    for k in range(len(tasks)):
        shares = torch.softmax(x @ experts.gates.weight[2 * k : 2 * k + 2].T, dim=1)
        mixed = sum(shares[:, i : i + 1] * answers[i] for i in range(2))
        tower = torch.relu(mixed @ head.hidden.weights[0][k] + head.hidden.biases[0][k])
        logits.append(tower @ head.weight[k] + head.bias[k])
    torch.testing.assert_close(model(batch).logits, torch.stack(logits, dim=1))


def test_a_task_moves_the_experts_but_not_the_gate_and_tower_of_another():
    torch.manual_seed(0)
    model = MMoE(MMoEConfig(dim=3, num_experts=2, expert_hidden=(5,), head=(6,)), layout_of(("click", "pay")))
    batch = Batch(ids=torch.randint(1, 7, (8, 2)), dense=torch.empty(8, 0))
    model(batch).logits[:, 0].sum().backward()
    assert model.experts.first.weight.grad.abs().sum() > 0
    gates = model.experts.gates.weight.grad.unflatten(0, (2, 2)).abs().sum(dim=(1, 2))
    towers = model.head.hidden.weights[0].grad.abs().sum(dim=(1, 2))
    for moved in (gates, towers):
        assert moved[0] > 0 and moved[1] == 0


def test_it_has_the_parameters_of_its_parts():
    model = MMoE(MMoEConfig(dim=50, num_experts=8, expert_hidden=(16,), head=(8,)), layout_of(("a", "b")))
    dense = sum(parameter.numel() for name, parameter in model.named_parameters() if not name.startswith("embed"))
    # The paper's settings for its made-up data of 100 inputs: 8 experts of 16, two gates, towers of 8.
    assert dense == 8 * (100 * 16 + 16) + 2 * 8 * 100 + 2 * (16 * 8 + 8) + 2 * (8 + 1)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_experts": 0}, "MMoEConfig num_experts must be at least 1; got 0"),
        ({"expert_hidden": ()}, r"MMoEConfig expert_hidden needs at least one width; got \(\)"),
        ({"expert_hidden": (0,)}, r"MMoEConfig expert_hidden must be at least 1; got \(0,\)"),
        ({"input_dropout": 1.0}, "MMoEConfig input_dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        MMoEConfig(**setting)
