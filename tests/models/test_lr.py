import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import DenseField, IdField, Layout, ListField
from tamis.models import LR, LRConfig

LAYOUT = Layout(
    tables={"user": 6, "tag": 5},
    ids=(IdField(name="user", table="user"),),
    lists=(ListField(name="tags", table="tag", max_length=3, ordered=False),),
    dense=(DenseField(name="price", width=1), DenseField(name="image", width=2)),
    tasks=("click", "like"),
)


@torch.no_grad()
def test_it_equals_its_formula():
    torch.manual_seed(0)
    model = LR(LRConfig(), LAYOUT)
    torch.nn.init.normal_(model.bias)
    tags = [[2, 4, 3], [3], [], [4, 4]]
    batch = Batch(
        ids=torch.tensor([[2], [5], [1], [3]]),
        lists=(torch.tensor([row + [0] * (3 - len(row)) for row in tags]),),
        dense=torch.randn(4, 3),
    )
    user, tag = model.weights.table.weight.split([6, 5])
    output = model(batch).logits
    for row in range(4):
        for task in range(2):
            score = float(model.bias[task]) + float(user[batch.ids[row, 0], task])
            score += sum(float(tag[number, task]) / len(tags[row]) for number in tags[row])
            score += sum(float(batch.dense[row, i] * model.weights.dense.weight[i, task]) for i in range(3))
            assert float(output[row, task]) == pytest.approx(score, abs=1e-6)


def test_it_has_the_parameters_of_the_reference_run():
    # BARS, LR on Frappe_x1, log of 2022-01-25: ten fields, 5,389 ids with unknown, one constant.
    tables = {"user": 5389 - 9 * 3, **{f"f{i}": 3 for i in range(9)}}
    model = LR(LRConfig(), Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables)))
    assert sum(parameter.numel() for parameter in model.parameters()) == 5390


def test_a_layout_without_features_is_refused():
    with pytest.raises(ConfigError, match="at least one feature field .* got 0 fields"):
        LR(LRConfig(), Layout(tables={}))
