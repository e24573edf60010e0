"""The operations that a record counts equal those of a closed formula, model by model."""

import pytest
import torch

from tamis.analysis import forward_flops_per_row
from tamis.batch import Batch
from tamis.features.layout import IdField, Layout
from tamis.models import MODELS

FIELDS, DIM = 10, 4
WIDTH = FIELDS * DIM
LAYOUT = Layout(
    tables={f"f{i}": 6 for i in range(FIELDS)},
    ids=tuple(IdField(name=f"f{i}", table=f"f{i}") for i in range(FIELDS)),
)
# Settings, and the products of one row; a product of two numbers is two operations, for it is added up.
CASES = {
    "afn": ({"neurons": 5, "hidden": (7,)}, 5 * FIELDS * DIM + DIM * 5 * 7 + 7),
    "autoint": (
        {"num_layers": 1, "heads": 2, "attention_width": 3},
        FIELDS * DIM * 4 * 6 + 2 * (2 * FIELDS * FIELDS * 3) + FIELDS * 6,
    ),
    "dcn_v2": ({"num_crosses": 2, "hidden": (7,)}, 2 * WIDTH * WIDTH + WIDTH * 7 + WIDTH + 7),
    "deepfm": ({"hidden": (7, 5)}, WIDTH * 7 + 7 * 5 + 5),
    "final_mlp": (
        {"first_hidden": (8,), "second_hidden": (6,), "heads": 2, "has_gates": False},
        WIDTH * 8 + WIDTH * 6 + (8 + 6) + 2 * 4 * 3,
    ),
    "final_net": ({"first_hidden": (8,), "second_hidden": (6,)}, WIDTH * 8 + 8 + WIDTH * 6 + 6),
    "fm": ({}, 0),
    "gdcn": ({"num_crosses": 2, "hidden": (7,)}, 2 * 2 * WIDTH * WIDTH + WIDTH * 7 + WIDTH + 7),
    "lr": (None, 0),
    "masknet": (
        {"num_blocks": 3, "block_width": 5, "reduction": 2.0, "hidden": (7,)},
        3 * (WIDTH * 2 * WIDTH + 2 * WIDTH * WIDTH + WIDTH * 5) + 3 * 5 * 7 + 7,
    ),
    "mlp": ({"hidden": (7, 5)}, WIDTH * 7 + 7 * 5 + 5),
    "rank_mixer": (
        {"num_tokens": 4, "token_width": 8, "num_blocks": 2, "expansion": 3},
        WIDTH * 8 + 2 * 4 * (2 * 3 * 8 * 8) + 8,
    ),
    "wukong": (
        {"num_layers": 1, "interacted": 3, "compressed": 2, "rank": 5, "layer_hidden": (7,), "hidden": (6,)},
        2 * FIELDS * DIM * 5  # X^T Y, and X times that
        + FIELDS * 5 * 7  # the network of the products
        + 7 * 3 * DIM
        + DIM * FIELDS * 2  # the compression
        + DIM * FIELDS * 5  # the residual, compressed
        + 5 * DIM * 6
        + 6,
    ),
}


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"ssr_d", "ssr_s"}))
def test_counted_operations_equal_the_closed_formula(name):
    settings, products = CASES[name]
    config = MODELS[name].config() if settings is None else MODELS[name].config(dim=DIM, **settings)
    batch = Batch(ids=torch.ones(8, FIELDS, dtype=torch.int32), dense=torch.empty(8, 0))
    assert forward_flops_per_row(MODELS[name].build(config, LAYOUT), batch) == 2 * products
