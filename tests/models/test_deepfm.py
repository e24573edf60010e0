import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import DeepFM, DeepFMConfig


def layout_of(*sizes: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    tables = {f"f{i}": size for i, size in enumerate(sizes)}
    return Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables), tasks=tasks)


@pytest.mark.parametrize("tasks", [("label",), ("a", "b")])
@torch.no_grad()
def test_it_equals_its_equations(tasks):
    torch.manual_seed(0)
    model = DeepFM(DeepFMConfig(dim=2, hidden=(4, 3)), layout_of(6, 6, 6, tasks=tasks)).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter))
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    places = batch.ids + torch.tensor([0, 6, 12])
    vectors, weights = model.embed.table.weight[places], model.weights.table.weight[places]
    deep = vectors.flatten(1)
    for linear in model.deep.linears:
        deep = torch.relu(deep @ linear.weight.T + linear.bias)
    expected = deep @ model.head.scores[0].weight.T + model.head.scores[0].bias
    for row in range(5):
        for task in range(len(tasks)):
            shares = torch.ones(2) if len(tasks) == 1 else model.pairs.weight[task]
            for i in range(3):
                expected[row, task] += weights[row, i, task]
                for j in range(i + 1, 3):
                    expected[row, task] += (shares * vectors[row, i] * vectors[row, j]).sum()
    torch.testing.assert_close(model(batch).logits, expected)


def test_it_has_the_parameters_of_the_reference_run_without_its_batch_normalisation():
    # BARS, DeepFM on Frappe_x1, log of 2022-10-29: ten fields, 5,389 ids with unknown, vectors of 10, BatchNorm (a
    # scale and a shift each) behind the three hidden layers of 400. The paper has no BatchNorm.
    model = DeepFM(DeepFMConfig(dim=10), layout_of(5389 - 9 * 3, *[3] * 9))
    assert sum(parameter.numel() for parameter in model.parameters()) == 423_280 - 3 * 2 * 400


@pytest.mark.parametrize(
    ("fields", "published"), [(23, 0.23e6), (18, 0.21e6), (39, 0.29e6)], ids=["avazu", "ali", "criteo"]
)
def test_its_dense_parameters_are_those_of_the_ssr_papers_table(fields, published):
    """arXiv 2604.08011, table 3; three layers of 256 over vectors of 16 are our finding, which fits all three."""
    model = DeepFM(DeepFMConfig(dim=16, hidden=(256, 256, 256)), layout_of(*[3] * fields))
    tables = ("embed", "weights")
    dense = sum(p.numel() for name, p in model.named_parameters() if not name.startswith(tables))
    assert dense == (fields * 16 * 256 + 256) + 2 * (256 * 256 + 256) + 257
    assert round(dense, -4) == published


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dim": 0}, "DeepFMConfig dim must be at least 1; got 0"),
        ({"hidden": (4, 0)}, r"DeepFMConfig hidden must be at least 1; got \(4, 0\)"),
        ({"dropout": 1.0}, "DeepFMConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        DeepFMConfig(**setting)
