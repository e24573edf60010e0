import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import AutoInt, AutoIntConfig


def layout_of(*sizes: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    tables = {f"f{i}": size for i, size in enumerate(sizes)}
    return Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables), tasks=tasks)


@pytest.mark.parametrize("hidden", [(), (5, 3)])
@torch.no_grad()
def test_it_equals_its_figure(hidden):
    torch.manual_seed(0)
    config = AutoIntConfig(dim=2, num_layers=2, heads=2, attention_width=3, hidden=hidden)
    model = AutoInt(config, layout_of(6, 6, 6, tasks=("a", "b"))).eval()
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    vectors = model.embed.table.weight[batch.ids + torch.tensor([0, 6, 12])]
    x = vectors
    for layer in model.interacting:
        query, key, value, residual = ((x @ matrix.T) for matrix in layer.weight.split(6))
        heads = []
        for part in (slice(0, 3), slice(3, 6)):
            attention = torch.softmax(query[..., part] @ key[..., part].transpose(1, 2), dim=2)
            heads.append(attention @ value[..., part])
        x = torch.relu(torch.cat(heads, dim=2) + residual)
    expected = x.flatten(1) @ model.head.scores[0].weight.T + model.head.scores[0].bias
    if hidden:
        deep = vectors.flatten(1)
        for linear in model.deep.linears:
            deep = torch.relu(deep @ linear.weight.T + linear.bias)
        expected += deep @ model.deep_score.scores[0].weight.T + model.deep_score.scores[0].bias
    torch.testing.assert_close(model(batch).logits, expected)


def test_its_dense_parameters_are_those_of_the_papers_table_3():
    # Criteo, 39 fields, the settings of section 5.1.4: 3.9 * 10^4 without the embedding layer.
    model = AutoInt(AutoIntConfig(), layout_of(*[3] * 39))
    dense = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))
    assert dense == 4 * 16 * 64 + 2 * 4 * 64 * 64 + 39 * 64 + 1
    assert round(dense, -3) == 39_000


def test_it_has_the_parameters_of_the_reference_run_and_a_residual_matrix_in_every_layer():
    # BARS, AutoInt on Frappe_x1, log of 2022-06-27: ten fields, 5,389 ids with unknown. That code leaves W_Res out of
    # the five layers whose sizes agree; the paper's table 3 counts it.
    config = AutoIntConfig(dim=10, num_layers=6, heads=4, attention_width=32)
    model = AutoInt(config, layout_of(5389 - 9 * 3, *[3] * 9))
    assert sum(parameter.numel() for parameter in model.parameters()) == 306_051 + 5 * 128 * 128


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_layers": 0}, "AutoIntConfig num_layers must be at least 1; got 0"),
        ({"heads": 0}, "AutoIntConfig heads must be at least 1; got 0"),
        ({"dropout": 1.0}, "AutoIntConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        AutoIntConfig(**setting)
