import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import DCNv2, DCNv2Config


def layout_of(fields: int) -> Layout:
    return Layout(
        tables={f"f{i}": 6 for i in range(fields)},
        ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(fields)),
    )


@pytest.mark.parametrize("structure", ["parallel", "stacked"])
@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("hidden", [(), (4, 3)])
def test_it_equals_its_figure(structure, rank, hidden):
    torch.manual_seed(0)
    config = DCNv2Config(dim=2, structure=structure, rank=rank, hidden=hidden, num_crosses=2, input_norm="none")
    model = DCNv2(config, layout_of(3)).eval()
    batch = Batch(ids=torch.randint(0, 6, (5, 3)), dense=torch.empty(5, 0))
    first = torch.cat([model.embed.table.weight[6 * i + batch.ids[:, i]] for i in range(3)], dim=1)
    crossed = first
    for cross in model.crosses:
        matrix = cross.linear.weight if rank is None else cross.linear.weight @ cross.reduce.weight
        crossed = first * (crossed @ matrix.T + cross.linear.bias) + crossed
    deep = first if structure == "parallel" else crossed
    for linear in model.deep.linears:
        deep = torch.relu(deep @ linear.weight.T + linear.bias)
    last = torch.cat([crossed, deep], dim=1) if structure == "parallel" and hidden else deep
    if not hidden:
        last = crossed
    expected = last @ model.head.scores[0].weight.T + model.head.scores[0].bias
    torch.testing.assert_close(model(batch).logits, expected)


def test_its_dense_parameters_are_those_of_its_layers():
    model = DCNv2(DCNv2Config(input_norm="none"), layout_of(39))
    total = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))
    deep = 624 * 400 + 400 + 2 * (400 * 400 + 400)
    assert total == 3 * (624 * 624 + 624) + deep + 1024 + 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_crosses": 0}, "DCNv2Config num_crosses must be at least 1; got 0"),
        ({"rank": 0}, "DCNv2Config rank must be at least 1; got 0"),
        ({"dropout": -0.1}, "DCNv2Config dropout must be at least 0 and below 1; got -0.1"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        DCNv2Config(**setting)
