import pytest
import torch
from torch.nn import functional as F

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import AFN, AFNConfig


def layout_of(*sizes: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    tables = {f"f{i}": size for i, size in enumerate(sizes)}
    return Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables), tasks=tasks)


def normal(x, norm):
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


def hidden_layers(x, mlp):
    for number, linear in enumerate(mlp.linears):
        x = x @ linear.weight.T + linear.bias
        x = torch.relu(x if mlp.norms is None else normal(x, mlp.norms[number]))
    return x


@pytest.mark.parametrize("deep_hidden", [(), (5, 4)])
@pytest.mark.parametrize("hidden_norm", [False, True])
@torch.no_grad()
def test_it_equals_its_figure(deep_hidden, hidden_norm):
    torch.manual_seed(0)
    config = AFNConfig(dim=2, neurons=3, hidden=(6,), deep_hidden=deep_hidden, hidden_norm=hidden_norm)
    model = AFN(config, layout_of(6, 6, 6, tasks=("a", "b"))).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    places = batch.ids + torch.tensor([0, 6, 12])
    logarithms = normal(model.embed.table.weight[places].abs().clamp_min(1e-7).log(), model.products.log_norm)
    products = torch.einsum("rfd,nf->rnd", logarithms, model.products.weight).exp()
    products = normal(products, model.products.product_norm).transpose(1, 2).flatten(1)
    head = model.head.scores[0]
    expected = hidden_layers(products, model.hidden) @ head.weight.T + head.bias
    if deep_hidden:
        vectors, score = model.deep.embed.table.weight[places].flatten(1), model.deep.score.scores[0]
        deep = hidden_layers(vectors, model.deep.hidden) @ score.weight.T + score.bias
        expected = model.shares[0] * expected + model.shares[1] * deep + model.bias
    torch.testing.assert_close(model(batch).logits, expected)


def test_a_sparse_power_is_a_cross_feature():
    """The paper's example: powers of one for two fields and zero elsewhere make their product."""
    model = AFN(AFNConfig(dim=2, neurons=1, hidden=(), hidden_norm=False), layout_of(6, 6, 6)).eval()
    with torch.no_grad():
        model.products.weight.copy_(torch.tensor([[1.0, 0.0, 1.0]]))
        batch = Batch(ids=torch.tensor([[2, 3, 4]]), dense=torch.empty(1, 0))
        one, _, other = model.embed(batch)[0].abs()
        torch.testing.assert_close(model.products(model.embed(batch))[0], one * other, rtol=1e-4, atol=1e-6)


def test_it_has_the_parameters_of_the_reference_run():
    # BARS, AFN on Frappe_x1, log of 2022-01-29: ten fields, 5,389 ids with unknown, no BatchNorm in the hidden layer.
    config = AFNConfig(dim=10, neurons=1000, hidden=(400,), hidden_norm=False)
    model = AFN(config, layout_of(5389 - 9 * 3, *[3] * 9))
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_066_711


def test_afn_plus_has_the_parameters_of_its_parts():
    config = AFNConfig(dim=10, neurons=4, hidden=(7,), deep_hidden=(8, 9))
    model = AFN(config, layout_of(*[3] * 5))
    afn = 15 * 10 + 4 * 5 + 2 * 5 + 2 * 4 + (4 * 10 * 7 + 7) + 2 * 7 + 8
    deep = 15 * 10 + (50 * 8 + 8) + 2 * 8 + (8 * 9 + 9) + 2 * 9 + 10
    assert sum(parameter.numel() for parameter in model.parameters()) == afn + deep + 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"neurons": 0}, "AFNConfig neurons must be at least 1; got 0"),
        ({"deep_hidden": (0,)}, r"AFNConfig deep_hidden must be at least 1; got \(0,\)"),
        ({"dropout": 1.0}, "AFNConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        AFNConfig(**setting)
