import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import MLPConfig, MLPRanker


def layout_of(fields: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    return Layout(
        tables={f"f{i}": 6 for i in range(fields)},
        ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(fields)),
        tasks=tasks,
    )


def test_it_equals_its_formula():
    torch.manual_seed(0)
    model = MLPRanker(MLPConfig(dim=2, hidden=(4, 3), input_norm="none"), layout_of(3, ("a", "b"))).eval()
    batch = Batch(ids=torch.randint(0, 6, (5, 3)), dense=torch.empty(5, 0))
    hidden = torch.cat([model.embed.table.weight[6 * i + batch.ids[:, i]] for i in range(3)], dim=1)
    for linear in model.hidden.linears:
        hidden = torch.relu(hidden @ linear.weight.T + linear.bias)
    expected = hidden @ model.head.scores[0].weight.T + model.head.scores[0].bias
    torch.testing.assert_close(model(batch).logits, expected)


def test_its_dense_parameters_are_those_of_its_layers():
    model = MLPRanker(MLPConfig(dim=16, hidden=(400, 400), input_norm="none"), layout_of(39))
    total = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))
    assert total == 624 * 400 + 400 + 400 * 400 + 400 + 401


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dim": 0}, "MLPConfig dim must be at least 1; got 0"),
        ({"hidden": (4, 0)}, r"MLPConfig hidden must be at least 1; got \(4, 0\)"),
        ({"head": (0,)}, r"MLPConfig head must be at least 1; got \(0,\)"),
        ({"dropout": 1.0}, "MLPConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        MLPConfig(**setting)
