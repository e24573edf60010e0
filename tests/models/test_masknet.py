import pytest
import torch
from torch.nn import functional as F

from tamis.batch import Batch
from tamis.errors import ConfigError
from tamis.features.layout import IdField, Layout
from tamis.models import MaskNet, MaskNetConfig


def layout_of(*sizes: int, tasks: tuple[str, ...] = ("label",)) -> Layout:
    tables = {f"f{i}": size for i, size in enumerate(sizes)}
    return Layout(tables=tables, ids=tuple(IdField(name=name, table=name) for name in tables), tasks=tasks)


@pytest.mark.parametrize("structure", ["parallel", "serial"])
@torch.no_grad()
def test_it_equals_its_figure(structure):
    torch.manual_seed(0)
    config = MaskNetConfig(dim=2, structure=structure, num_blocks=2, block_width=4, hidden=(5,))
    model = MaskNet(config, layout_of(6, 6, 6, tasks=("a", "b"))).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)
    batch = Batch(ids=torch.randint(1, 6, (5, 3)), dense=torch.empty(5, 0))
    vectors = model.embed.table.weight[batch.ids + torch.tensor([0, 6, 12])]
    context = vectors.flatten(1)
    x = torch.cat(
        [F.layer_norm(vectors[:, i], (2,), model.field_norm.weight[i], model.field_norm.bias[i]) for i in range(3)],
        dim=1,
    )
    outputs = []
    for number in range(2):
        # Side by side all blocks are one layer on the same input; in series each is a layer on the last output.
        layer = model.blocks.blocks[0 if structure == "parallel" else number]
        own = number if structure == "parallel" else 0
        aggregated = torch.relu(layer.aggregation(context)).unflatten(1, (layer.blocks, -1))[:, own]
        mask = aggregated @ layer.projection[own] + layer.projection_bias[own]
        hidden = F.layer_norm((mask * x) @ layer.weight[own], (4,), layer.norm.weight[own], layer.norm.bias[own])
        outputs.append(torch.relu(hidden))
        if structure == "serial":
            x = outputs[-1]
    merged = torch.cat(outputs, dim=1) if structure == "parallel" else outputs[-1]
    last, score = model.hidden.linears[0], model.head.scores[0]
    merged = torch.relu(merged @ last.weight.T + last.bias)
    torch.testing.assert_close(model(batch).logits, merged @ score.weight.T + score.bias)


def test_it_has_the_parameters_of_the_reference_run_and_of_the_normalised_fields():
    # BARS, parallel MaskNet on Frappe_x1, log of 2022-05-26: ten fields, 5,389 ids with unknown. That run leaves the
    # normalisation of the field vectors out, a scale and a shift of each of the ten times ten numbers.
    model = MaskNet(MaskNetConfig(dim=10, num_blocks=3, block_width=50), layout_of(5389 - 9 * 3, *[3] * 9))
    assert sum(parameter.numel() for parameter in model.parameters()) == 571_691 + 2 * 100


def test_a_serial_network_has_the_parameters_of_its_blocks():
    config = MaskNetConfig(dim=10, structure="serial", num_blocks=3, block_width=50)
    model = MaskNet(config, layout_of(*[3] * 10))
    first = (100 * 200 + 200) + (200 * 100 + 100) + 100 * 50 + 2 * 50
    later = (100 * 100 + 100) + (100 * 50 + 50) + 50 * 50 + 2 * 50
    dense = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("embed"))
    assert dense == 2 * 100 + first + 2 * later + 51


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_blocks": 0}, "MaskNetConfig num_blocks must be at least 1; got 0"),
        ({"reduction": 0.0}, "MaskNetConfig reduction must be above 0; got 0.0"),
        ({"hidden": (0,)}, r"MaskNetConfig hidden must be at least 1; got \(0,\)"),
        ({"dropout": 1.0}, "MaskNetConfig dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        MaskNetConfig(**setting)
