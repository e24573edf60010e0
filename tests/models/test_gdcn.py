import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import GDCN, GDCNConfig


def layout_of(fields: int) -> Layout:
    return Layout(
        tables={f"f{i}": 6 for i in range(fields)},
        ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(fields)),
    )


@pytest.mark.parametrize("structure", ["parallel", "stacked"])
@pytest.mark.parametrize("hidden", [(), (4, 3)])
@torch.no_grad()
def test_it_equals_its_figure(structure, hidden):
    torch.manual_seed(0)
    model = GDCN(GDCNConfig(dim=2, structure=structure, hidden=hidden, num_crosses=2), layout_of(3)).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(0, 6, (5, 3)), dense=torch.empty(5, 0))
    first = torch.cat([model.embed.table.weight[6 * i + batch.ids[:, i]] for i in range(3)], dim=1)
    crossed = first
    for cross in model.crosses:
        matrix, gate = cross.weight.split(6)
        crossed = first * (crossed @ matrix.T + cross.bias) * torch.sigmoid(crossed @ gate.T) + crossed
    deep = first if structure == "parallel" else crossed
    for linear in model.deep.linears:
        deep = torch.relu(deep @ linear.weight.T + linear.bias)
    last = torch.cat([crossed, deep], dim=1) if structure == "parallel" else deep
    if not hidden:
        last = crossed
    expected = last @ model.head.scores[0].weight.T + model.head.scores[0].bias
    torch.testing.assert_close(model(batch).logits, expected)


@pytest.mark.parametrize(("structure", "last"), [("parallel", 624 + 400), ("stacked", 400)])
def test_its_dense_parameters_are_those_of_its_layers(structure, last):
    model = GDCN(GDCNConfig(structure=structure), layout_of(39))
    total = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))
    deep = 624 * 400 + 400 + 2 * (400 * 400 + 400)
    assert total == 3 * (2 * 624 * 624 + 624) + deep + last + 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_crosses": 0}, "GDCNConfig num_crosses must be at least 1; got 0"),
        ({"hidden": (0,)}, r"GDCNConfig hidden must be at least 1; got \(0,\)"),
        ({"dropout": -0.1}, "GDCNConfig dropout must be at least 0 and below 1; got -0.1"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        GDCNConfig(**setting)
