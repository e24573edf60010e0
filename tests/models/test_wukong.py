import pytest
import torch

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import Wukong, WukongConfig


def layout_of(fields: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    return Layout(
        tables={f"f{i}": 6 for i in range(fields)},
        ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(fields)),
        tasks=tasks,
    )


def normal(x, norm, dims):
    mean, variance = x.mean(dim=dims, keepdim=True), x.var(dim=dims, unbiased=False, keepdim=True)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias


@torch.no_grad()
def test_it_equals_its_figure():
    torch.manual_seed(0)
    config = WukongConfig(dim=2, num_layers=2, interacted=2, compressed=3, rank=2, layer_hidden=(6,), hidden=(4,))
    model = Wukong(config, layout_of(3, ("a", "b"))).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    x = model.embed.table.weight[batch.ids + torch.tensor([0, 6, 12])]
    for layer in model.layers:
        block = layer.interact
        products = (x @ x.transpose(1, 2) @ block.projection.weight.T).flatten(1)
        first, last = block.network.hidden.linears[0], block.network.linear
        hidden = torch.relu(normal(products, block.norm, 1) @ first.weight.T + first.bias)
        new = (hidden @ last.weight.T + last.bias).view(5, 2, 2)
        kept = x if layer.residual is None else layer.residual.weight @ x
        x = normal(torch.cat([new, layer.compress.weight @ x], dim=1) + kept, layer.norm, 2)
    linear, score = model.hidden.linears[0], model.head.scores[0]
    expected = torch.relu(x.flatten(1) @ linear.weight.T + linear.bias) @ score.weight.T + score.bias
    torch.testing.assert_close(model(batch).logits, expected)


@pytest.mark.parametrize("rank", [8, None])
def test_its_dense_parameters_are_those_of_its_layers(rank):
    model = Wukong(WukongConfig(rank=rank), layout_of(39))
    dense = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))

    def layer(vectors):
        products = vectors * (rank or vectors)
        network = (products * 128 + 128) + (128 * 16 * 16 + 16 * 16)
        projection = vectors * rank if rank else 0
        residual = 0 if vectors == 32 else vectors * 32
        return projection + 2 * products + network + vectors * 16 + residual + 2 * 16

    assert dense == layer(39) + 2 * layer(32) + (32 * 16 * 128 + 128) + 129


def test_an_attentive_projection_adds_its_compression_and_network():
    plain, attentive = (
        sum(p.numel() for p in Wukong(WukongConfig(num_layers=1, is_attentive=flag), layout_of(39)).parameters())
        for flag in (False, True)
    )
    # The compression has the size of the learned projection; the network goes from 8 vectors to 39 times 8 numbers.
    assert attentive - plain == (8 * 16 * 128 + 128) + (128 * 39 * 8 + 39 * 8)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_layers": 0}, "WukongConfig num_layers must be at least 1; got 0"),
        ({"rank": 0}, "WukongConfig rank must be at least 1; got 0"),
        ({"rank": None, "is_attentive": True}, "WukongConfig is_attentive needs a rank; got None. Set rank, or"),
        ({"dropout": 1.0}, "WukongConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        WukongConfig(**setting)
