import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import DenseField, IdField, Layout, ListField
from tamis.models import FM, FMConfig

LAYOUT = Layout(
    tables={"user": 6, "item": 5},
    ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
    lists=(ListField(name="history", table="item", max_length=3, ordered=False),),
    dense=(DenseField(name="price", width=1),),
)


@torch.no_grad()
def test_it_equals_equation_1():
    torch.manual_seed(0)
    model = FM(FMConfig(dim=3), LAYOUT)
    torch.nn.init.normal_(model.bias)
    for parameter in model.parameters():
        parameter.mul_(20)
    batch = Batch(
        ids=torch.tensor([[2, 3], [5, 1], [1, 4]]),
        lists=(torch.tensor([[2, 4], [3, 0], [0, 0]]),),
        dense=torch.randn(3, 1),
    )
    # x holds what the paper's does: one for an id, 1 / m for each of m ids of a list, a number for itself.
    weights = torch.cat([model.weights.table.weight, model.weights.dense.weight])[:, 0]
    vectors = torch.cat([model.embed.table.weight, model.embed.dense.weight])
    output = model(batch).logits
    for row in range(3):
        listed = [int(number) for number in batch.lists[0][row] if number != 0]
        fields = [
            [(int(batch.ids[row, 0]), 1.0)],
            [(6 + int(batch.ids[row, 1]), 1.0)],
            [(6 + number, 1 / len(listed)) for number in listed],
            [(11, float(batch.dense[row, 0]))],
        ]
        expected = float(model.bias) + sum(float(weights[i]) * x for field in fields for i, x in field)
        for one in range(4):
            for other in range(one + 1, 4):
                for i, x_i in fields[one]:
                    for j, x_j in fields[other]:
                        expected += float(vectors[i] @ vectors[j]) * x_i * x_j
        assert float(output[row, 0]) == pytest.approx(expected, abs=1e-4)


def test_it_has_the_parameters_of_the_reference_run():
    # BARS, FM on Frappe_x1, log of 2021-01-07: ten fields, 5,389 ids with unknown, vectors of 10.
    tables = {"user": 5389 - 9 * 3, **{f"f{i}": 3 for i in range(9)}}
    layout = Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables))
    assert sum(parameter.numel() for parameter in FM(FMConfig(dim=10), layout).parameters()) == 59_280


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dim": 0}, "FMConfig dim must be at least 1; got 0"),
        ({"input_dropout": 1.0}, "FMConfig input_dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        FMConfig(**setting)
