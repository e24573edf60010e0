import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tamis.batch import Batch
from tamis.config import read_config
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import SSRS, SSRSConfig
from tamis.models.ssr_s import PRESETS
from tamis.registry import MODELS

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def layout_of(fields: int, size: int = 40) -> Layout:
    """Fields that share one table, so that ids are rows of the fixtures' embedding."""
    return Layout(tables={"all": size}, ids=tuple(IdField(name=f"f{i}", table="all") for i in range(fields)))


@pytest.mark.parametrize("fields", [18, 23])
def test_the_official_parameter_count_is_exact_whatever_the_number_of_fields(fields):
    model = SSRS(SSRSConfig(views=(16, 16), widths=(128, 64), depth=1), layout_of(fields))
    assert sum(p.numel() for part in (model.body, model.head) for p in part.parameters()) == 341_121


def test_the_presets_differ_in_exactly_these_parts():
    table = {name: dataclasses.asdict(parts) for name, parts in PRESETS.items()}
    common = {
        "input_norm_eps": 1e-3,
        "input_norm_momentum": 0.01,
        "view_norm": "per_view",
        "view_norm_eps": 1e-3,
    }
    assert table == {
        "paper": common | {"input_norm": "none", "fusion": "dense", "head": ()},
        "official": common | {"input_norm": "field", "fusion": "residual", "head": (64,)},
    }


def load_official(model: SSRS, arrays: dict[str, np.ndarray]) -> None:
    """Copy the authors' weights, named as in the fixture, into the model's parameters."""
    model.embed.table.weight.copy_(torch.from_numpy(arrays["embedding"]))
    for ours, theirs in (
        ("weight", "gamma"),
        ("bias", "beta"),
        ("running_mean", "moving_mean"),
        ("running_var", "moving_variance"),
    ):
        getattr(model.norm.norm, ours).copy_(torch.from_numpy(arrays[f"norm.{theirs}"]))
    for number, block in enumerate(model.body.blocks):
        views = range(len(block.filter.indices))
        for ours, theirs in (
            (block.fusion.dense[0].weight, "dense0.kernel"),
            (block.fusion.dense[0].bias, "dense0.bias"),
            (block.fusion.norm.weight, "layer_norm.gamma"),
            (block.fusion.norm.bias, "layer_norm.beta"),
        ):
            stacked = np.stack([arrays[f"block{number}.view{view}.{theirs}"] for view in views])
            ours.copy_(torch.from_numpy(stacked))
    linear, score = model.head.towers[0].linears[0], model.head.scores[0]
    for number, layer in enumerate((linear, score)):
        layer.weight.copy_(torch.from_numpy(arrays[f"head{number}.kernel"].T))
        layer.bias.copy_(torch.from_numpy(arrays[f"head{number}.bias"]))


@torch.no_grad()
def test_indices_every_block_and_probability_equal_the_authors_code():
    with np.load(FIXTURES / "ssr_s_residual.npz") as file:
        arrays = dict(file)
    model = MODELS["ssr_s"].build(SSRSConfig(dim=4, views=(3, 2), widths=(8, 6)), layout_of(5)).eval()
    for number, block in enumerate(model.body.blocks):
        np.testing.assert_array_equal(block.filter.indices.numpy(), arrays[f"block_{number}_indices"])
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


def test_another_filter_seed_chooses_other_dimensions_whatever_the_random_state():
    indices = []
    for seed, random_state in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(random_state)
        model = SSRS(SSRSConfig(views=(3,), widths=(8,), filter_seed=seed), layout_of(5))
        indices.append(model.body.blocks[0].filter.indices)
    assert torch.equal(indices[0], indices[1])
    assert not torch.equal(indices[0], indices[2])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"depth": 0}, "SSRSConfig depth must be at least 1; got 0"),
        ({"filter_seed": -1}, "SSRSConfig filter_seed must be at least 0; got -1"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        SSRSConfig(**setting)


def test_what_views_draw_is_no_setting():
    with pytest.raises(ConfigError, match=r"SSRSConfig has no setting 'filter'. Did you mean 'filter_seed'\?"):
        read_config(SSRSConfig, {"filter": "field"}, where="[model]")
