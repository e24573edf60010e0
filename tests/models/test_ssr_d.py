import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tamis.batch import Batch
from tamis.config import read_config
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import SSRD, SSRDConfig
from tamis.models.ssr_d import PRESETS, dynamic_blocks
from tamis.objectives import binary_cross_entropy
from tamis.registry import MODELS

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def layout_of(fields: int, size: int = 40) -> Layout:
    """Fields that share one table, so that ids are rows of the fixtures' embedding."""
    return Layout(tables={"all": size}, ids=tuple(IdField(name=f"f{i}", table="all") for i in range(fields)))


def parameters_behind_the_input(model: SSRD) -> int:
    """Without the tables and the normalisation of their vectors, as the papers count."""
    return sum(p.numel() for part in (model.body, model.head) for p in part.parameters())


@pytest.mark.parametrize(
    ("fields", "width", "iterations", "expected"),
    [
        (23, 128, 5, 3_121_361),
        (39, 128, 5, 3_645_649),
        (39, 128, 1, 3_645_585),
        (23, 64, 5, 970_897),
        (18, 64, 5, 888_977),
        (39, 64, 5, 1_233_041),
    ],
)
def test_the_official_parameter_counts_are_exact(fields, width, iterations, expected):
    config = SSRDConfig(views=(8, 8), widths=(width, width), iterations=iterations)
    assert parameters_behind_the_input(SSRD(config, layout_of(fields))) == expected


def test_the_parameter_count_of_the_three_unirank_blocks_is_exact():
    config = SSRDConfig(preset="unirank", views=(4, 4, 4), widths=(256, 256, 256))
    blocks = dynamic_blocks(config, d_in=416)
    assert sum(p.numel() for block in blocks for p in block.parameters()) == 3_326_524


def test_the_presets_differ_in_exactly_these_parts():
    table = {name: dataclasses.asdict(parts) for name, parts in PRESETS.items()}
    common = {"input_norm_eps": 1e-3, "input_norm_momentum": 0.01}
    assert table == {
        "paper": common
        | {
            "input_norm": "none",
            "projection": "linear",
            "gate": False,
            "fusion": "dense",
            "view_norm": "per_view",
            "view_norm_eps": 1e-6,
            "head": (),
        },
        "official": common
        | {
            "input_norm": "channel",
            "projection": "linear",
            "gate": True,
            "fusion": "residual",
            "view_norm": "per_view",
            "view_norm_eps": 1e-6,
            "head": (),
        },
        "unirank": common
        | {
            "input_norm": "none",
            "projection": "linear_norm_silu",
            "gate": False,
            "fusion": "dense",
            "view_norm": "shared",
            "view_norm_eps": 1e-5,
            "head": (128, 64),
        },
    }


def load_official(model: SSRD, arrays: dict[str, np.ndarray]) -> None:
    """Copy the authors' weights, named as in the fixtures, into the model's parameters."""
    model.embed.table.weight.copy_(torch.from_numpy(arrays["embedding"]))
    for ours, theirs in (
        ("weight", "gamma"),
        ("bias", "beta"),
        ("running_mean", "moving_mean"),
        ("running_var", "moving_variance"),
    ):
        getattr(model.norm.norm, ours).copy_(torch.from_numpy(arrays[f"norm.{theirs}"]))

    def stacked(block: int, name: str) -> torch.Tensor:
        keys = [f"block{block}.view{view}.{name}" for view in range(model.body.blocks[block].filter.alpha.shape[0])]
        return torch.from_numpy(np.stack([arrays[key] for key in keys]))

    for number, block in enumerate(model.body.blocks):
        projections = [stacked(number, "projection")]
        if block.projection.has_values:
            projections.append(stacked(number, "value_projection"))
        block.projection.weight.copy_(torch.cat(projections).transpose(1, 2).flatten(0, 1))
        block.filter.alpha.copy_(stacked(number, "alpha"))
        block.filter.gamma.copy_(stacked(number, "gamma"))
        for dense in block.fusion.dense:
            dense.weight.copy_(stacked(number, "dense.kernel"))
            dense.bias.copy_(stacked(number, "dense.bias"))
        block.fusion.norm.weight.copy_(stacked(number, "layer_norm.gamma"))
        block.fusion.norm.bias.copy_(stacked(number, "layer_norm.beta"))
    model.head.scores[0].weight.copy_(torch.from_numpy(arrays["head0.kernel"].T))
    model.head.scores[0].bias.copy_(torch.from_numpy(arrays["head0.bias"]))


@pytest.mark.parametrize(
    ("name", "gate", "fusion", "iterations"),
    [
        ("ssr_d_plain", False, "none", 5),
        ("ssr_d_gate_only", True, "none", 2),
        ("ssr_d_residual_only", False, "residual", 3),
        ("ssr_d_gate_residual", True, "residual", 3),
    ],
)
@torch.no_grad()
def test_every_block_and_probability_equals_the_authors_code(name, gate, fusion, iterations):
    with np.load(FIXTURES / f"{name}.npz") as file:
        arrays = dict(file)
    width = arrays["block0.view0.gamma"].shape[0]
    config = SSRDConfig(dim=4, views=(3, 2), widths=(width, width), iterations=iterations, gate=gate, fusion=fusion)
    model = MODELS["ssr_d"].build(config, layout_of(5)).eval()
    load_official(model, arrays)
    seen: list[torch.Tensor] = []
    for part in (model.norm, *model.body.blocks):
        part.register_forward_hook(lambda module, inputs, output: seen.append(output))
    ids = torch.from_numpy(arrays["ids"])
    probabilities = model(Batch(ids=ids, dense=torch.empty(len(ids), 0))).probabilities()
    expected = [arrays["normalised_embedding"], arrays["block_0_output"], arrays["block_1_output"]]
    for ours, theirs in zip([*seen, probabilities], [*expected, arrays["probability"]], strict=True):
        torch.testing.assert_close(ours, torch.from_numpy(theirs), rtol=0, atol=1e-5)
    assert sum(p.numel() for p in model.parameters()) == int(arrays["trainable_parameters"])


@pytest.mark.parametrize("competition", ["iterative", "relu", "top_k"])
@pytest.mark.parametrize("preset", list(PRESETS))
def test_in_every_preset_the_gate_multiplies_the_winners_by_values_of_their_own(preset, competition):
    torch.manual_seed(0)
    settings = {"preset": preset, "dim": 4, "views": (3,), "widths": (8,), "competition": competition}
    (block,) = SSRD(SSRDConfig(gate=True, **settings), layout_of(5)).body.blocks
    (plain,) = SSRD(SSRDConfig(gate=False, **settings), layout_of(5)).body.blocks
    x = torch.randn(6, 20)
    with torch.no_grad():
        compete, values = block.projection.weight.chunk(2)
        plain.projection.weight.copy_(compete)
        winners = plain.filter(plain.projection(x))
        expected = winners * (x @ values.T).view(6, 3, 8)
        torch.testing.assert_close(block.filter(block.projection(x)), expected)


@pytest.mark.parametrize("competition", ["relu", "top_k", "dropout"])
def test_without_competition_only_the_filter_is_another_and_it_learns(competition):
    ids, labels = torch.randint(1, 40, (50, 5)), torch.randint(0, 2, (50, 1)).float()
    shapes = []
    for kind in ("iterative", competition):
        model = SSRD(SSRDConfig(views=(3, 2), widths=(8, 8), competition=kind, kept=0.5), layout_of(5))
        batch = Batch(ids=ids, dense=torch.empty(50, 0), labels=labels)
        binary_cross_entropy(model(batch), batch).backward()
        shapes.append({name: weight.shape for name, weight in model.named_parameters() if "alpha" not in name})
        assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("competition", ["iterative", "relu"])
def test_a_scale_that_is_not_learned_stays(competition):
    model = SSRD(
        SSRDConfig(views=(2,), widths=(4,), competition=competition, learn_gamma=False, gamma_init=2.0), layout_of(5)
    )
    batch = Batch(ids=torch.randint(1, 40, (9, 5)), dense=torch.empty(9, 0), labels=torch.ones(9, 1))
    binary_cross_entropy(model(batch), batch).backward()
    (block,) = model.body.blocks
    assert block.filter.gamma.grad is None and (block.filter.gamma == 2).all()
    assert block.projection.weight.grad is not None and block.projection.weight.grad.any()


@pytest.mark.parametrize("kept", [0.0, 1.5])
def test_a_share_that_cannot_be_is_refused(kept):
    with pytest.raises(ConfigError, match=f"kept must be above 0 and at most 1; got {kept}"):
        SSRDConfig(competition="top_k", kept=kept)


def test_a_competition_that_is_no_choice_is_refused_and_all_that_are_named():
    with pytest.raises(ConfigError, match=r"one of \['iterative', 'relu', 'top_k', 'dropout'\]; got 'closed'"):
        read_config(SSRDConfig, {"competition": "closed"}, where="[model]")


def test_a_setting_of_every_kind_can_come_from_a_table():
    table = {"preset": "paper", "views": [4], "widths": [8], "fused_widths": [6], "gate": True, "head": [5]}
    config = read_config(SSRDConfig, table, where="[model]")
    assert config.resolve().gate and config.resolve().head == (5,)
    model = SSRD(config, layout_of(3))
    assert model.body.blocks[0].fusion.dense[0].weight.shape == (4, 8, 6)


def test_fused_widths_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match=r"each of 2 blocks; got \(4,\)"):
        SSRDConfig(fused_widths=(4,))
    with pytest.raises(ConfigError, match="unless fusion is 'dense'; .* with fusion 'residual'"):
        SSRDConfig(fused_widths=(64, 64))
    with pytest.raises(ConfigError, match="iterations must be at least 1; got 0"):
        SSRDConfig(iterations=0)
