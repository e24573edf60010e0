import dataclasses

import pytest
import torch
from torch.nn import functional as F

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import RankMixer, RankMixerConfig


def layout_of(fields: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    return Layout(
        tables={f"f{i}": 6 for i in range(fields)},
        ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(fields)),
        tasks=tasks,
    )


def random_batch(fields: int, rows: int = 5) -> Batch:
    return Batch(ids=torch.randint(1, 6, (rows, fields)), dense=torch.empty(rows, 0))


def normal(x, norm):
    return F.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps)


@torch.no_grad()
def test_it_equals_its_figure():
    torch.manual_seed(0)
    config = RankMixerConfig(dim=4, num_tokens=3, token_width=6, num_blocks=2, expansion=2)
    model = RankMixer(config, layout_of(3, ("a", "b"))).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = random_batch(3)
    # Of three fields of 4 numbers, each token is one field.
    vectors = model.embed.table.weight[batch.ids + torch.tensor([0, 6, 12])]
    tokens = [vectors[:, i] @ model.tokens.weight[i] + model.tokens.bias[i] for i in range(3)]
    for block in model.blocks:
        parts = [token.chunk(3, dim=1) for token in tokens]
        mixed = [torch.cat([parts[t][h] for t in range(3)], dim=1) for h in range(3)]
        mixed = [normal(new + old, block.mixed_norm) for new, old in zip(mixed, tokens, strict=True)]
        net = block.network
        new = [
            F.gelu(mixed[t] @ net.weight_in[t] + net.bias_in[t]) @ net.weight_out[t] + net.bias_out[t, 0]
            for t in range(3)
        ]
        tokens = [normal(made + old, block.norm) for made, old in zip(new, mixed, strict=True)]
    score = model.head.scores[0]
    expected = (sum(tokens) / 3) @ score.weight.T + score.bias
    torch.testing.assert_close(model(batch).logits, expected)


@pytest.mark.parametrize(
    ("fields", "width", "published"),
    [(23, 96, 0.64e6), (18, 96, 0.63e6), (39, 128, 1.15e6)],
    ids=["avazu", "ali", "criteo"],
)
def test_its_dense_parameters_are_those_of_the_ssr_papers_table(fields, width, published):
    """arXiv 2604.08011, table 3, with the sizes that its authors' code gives: 16 tokens, a head of 64."""
    model = RankMixer(RankMixerConfig(token_width=width, head=(64,)), layout_of(fields))
    dense = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))
    tokenizer = fields * 16 * width + 16 * width
    networks = 2 * 16 * (2 * width * width + 2 * width)
    assert dense == tokenizer + networks + 2 * 2 * 2 * width + (width * 64 + 64) + 65
    assert round(dense, -4) == published


def test_experts_add_networks_and_routers():
    config = RankMixerConfig(num_blocks=1, expansion=2)
    dense, experts = (
        sum(p.numel() for p in RankMixer(dataclasses.replace(config, num_experts=count), layout_of(4)).parameters())
        for count in (None, 3)
    )
    one = 2 * 2 * 64 * 64 + 2 * 64 + 64
    assert experts - dense == 16 * (2 * one + 2 * 3 * (64 + 1))


def test_training_experts_has_a_loss_that_makes_the_choice_sparse():
    torch.manual_seed(0)
    config = RankMixerConfig(dim=4, num_tokens=4, token_width=8, num_experts=3, routing_penalty=0.1)
    model, batch = RankMixer(config, layout_of(3)), random_batch(3, rows=64)
    before = model(batch).losses["routing"]
    optimizer = torch.optim.Adam((p for p in model.parameters() if not getattr(p, "row_sparse", False)), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        model(batch).losses["routing"].backward()
        optimizer.step()
    assert model(batch).losses["routing"] < 0.2 * before
    assert not model.eval()(batch).losses


def test_every_parameter_of_experts_learns():
    torch.manual_seed(0)
    config = RankMixerConfig(dim=4, num_tokens=4, token_width=8, num_experts=3)
    model, batch = RankMixer(config, layout_of(3)), random_batch(3, rows=64)
    output = model(batch)
    (output.logits.square().mean() + output.losses["routing"]).backward()
    for name, parameter in model.named_parameters():
        grad = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
        assert grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_tokens": 0}, "RankMixerConfig num_tokens must be at least 1; got 0"),
        ({"num_experts": 0}, "RankMixerConfig num_experts must be at least 1; got 0"),
        ({"token_width": 40}, "RankMixerConfig token_width must be a multiple of num_tokens, 16; got 40"),
        ({"routing_penalty": -1.0}, "RankMixerConfig routing_penalty must be at least 0; got -1.0"),
        ({"dropout": 1.0}, "RankMixerConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        RankMixerConfig(**setting)


def test_more_tokens_than_numbers_are_refused():
    with pytest.raises(ConfigError, match="num_tokens must be at most 3 fields times dim 4, 12; got 16. Set a smaller"):
        RankMixer(RankMixerConfig(dim=4), layout_of(3))
