import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout, ListField
from tamis.models import DIN, DINConfig, MLPConfig, MLPRanker

SEEN = ListField(name="seen", table="item", max_length=3, ordered=True, target="item")
LAYOUT = Layout(
    tables={"user": 7, "item": 9},
    ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
    lists=(SEEN,),
)


@torch.no_grad()
def test_it_equals_its_formula():
    torch.manual_seed(0)
    model = DIN(DINConfig(dim=2, hidden=(5, 4)), LAYOUT).eval()
    for parameter in (*model.hidden.parameters(), *model.embed.attention.parameters()):
        parameter.add_(torch.randn_like(parameter) / 3)
    for dice in model.hidden.dices:
        dice.norm.running_mean.uniform_(-0.1, 0.1)
        dice.norm.running_var.uniform_(0.5, 1.5)
    seen = torch.tensor([[3, 4, 0], [5, 0, 0], [0, 0, 0]])
    batch = Batch(ids=torch.tensor([[2, 3], [3, 4], [4, 5]]), lists=(seen,), dense=torch.empty(3, 0))
    table, first = model.embed.table.weight, model.embed.attention["0"].linears[0]
    users, items = table[batch.ids[:, 0]], table[7 + batch.ids[:, 1]]
    interest = torch.zeros(3, 2)
    for row, length in enumerate((2, 1, 0)):
        for item in seen[row, :length]:
            t, h = items[row], table[7 + item]
            unit = torch.sigmoid(first(torch.cat([t, h, t - h, t * h])))
            unit = torch.sigmoid(model.embed.attention["0"].linears[1](unit))
            interest[row] += model.embed.attention["0"].linears[2](unit) * h
    x = torch.cat([users, items, interest], dim=1)
    for linear, dice in zip(model.hidden.linears, model.hidden.dices, strict=True):
        x = linear(x)
        share = torch.sigmoid((x - dice.norm.running_mean) / (dice.norm.running_var + 1e-8).sqrt())
        x = share * x + (1 - share) * dice.alpha * x
    torch.testing.assert_close(model(batch).logits, model.head.scores[0](x))


def test_it_has_the_parameters_of_its_parts():
    model = DIN(DINConfig(dim=16), LAYOUT)
    dense = sum(parameter.numel() for parameter in model.parameters()) - 16 * 16
    unit = (64 * 80 + 80) + (80 * 40 + 40) + 41
    assert dense == unit + (48 * 200 + 200) + 200 + (200 * 80 + 80) + 80 + 81, "a Dice has one number a channel"


def test_another_model_attends_to_the_same_history_by_the_same_setting():
    model = MLPRanker(MLPConfig(hidden=(8,)), LAYOUT)
    assert "embed.attention.0.linears.0.weight" in dict(model.named_parameters())


def test_without_a_target_there_is_nothing_to_attend_from():
    with pytest.raises(ConfigError, match='the layout has no list with a target. Give a field of kind "sequence" the'):
        DIN(DINConfig(), LAYOUT.unattended)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden": (0,)}, r"DINConfig hidden must be at least 1; got \(0,\)"),
        ({"dropout": 1.0}, "DINConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        DINConfig(**setting)
